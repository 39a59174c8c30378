/** What is said between the thread that moves a tree and those that put its files into the store. Columns, not objects: of 100,000 files. */
import { HASH_SIZE, hashToHex } from "../platform/hash.js";
import type { ImportMethod } from "../store/store.js";
import type { PhysicalReason, PolicyOwner } from "../workspace/policy.js";
import type { TakenFile } from "../workspace/take-file.js";

export interface TakeThreadData {
  readonly source: string;
  readonly root: string;
  readonly owner: PolicyOwner;
  readonly how: "link" | "copy";
}

/** Files of a batch, or its end: its lease is no longer needed. */
export type TakeWork =
  | { readonly batch: number; readonly keys: readonly string[]; readonly inos: BigUint64Array }
  | { readonly batch: number; readonly keys: null };

export interface TakeAnswer {
  readonly taken: TakenColumns;
  readonly stay: readonly PhysicalReason[];
  readonly later: readonly number[];
}

export interface TakenColumns {
  readonly keys: readonly string[];
  readonly hashes: Uint8Array;
  readonly methods: readonly ImportMethod[];
  /** Five for each file: size, inode, mtime and ctime in nanoseconds, blocks x 4096 + mode. */
  readonly numbers: BigInt64Array;
}

const NUMBERS = 5;
const MODES = 4096n;

export function toColumns(files: readonly TakenFile[]): TakenColumns {
  const hashes = new Uint8Array(files.length * HASH_SIZE);
  const numbers = new BigInt64Array(files.length * NUMBERS);
  files.forEach(({ id, ino, ctimeNs, entry }, i) => {
    hashes.set(id.hash, i * HASH_SIZE);
    const packed = BigInt(entry.blocks) * MODES + BigInt(entry.mode);
    numbers.set([id.size, ino, BigInt(entry.mtimeNs), ctimeNs, packed], i * NUMBERS);
  });
  return {
    keys: files.map(({ entry }) => entry.path),
    hashes,
    methods: files.map(({ method }) => method),
    numbers,
  };
}

export function fromColumns({ keys, hashes, methods, numbers }: TakenColumns): TakenFile[] {
  return keys.map((path, i) => {
    const hash = hashes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE);
    const [size, ino, mtimeNs, ctimeNs, packed] = numbers.subarray(
      i * NUMBERS,
      (i + 1) * NUMBERS,
    ) as unknown as [bigint, bigint, bigint, bigint, bigint];
    return {
      id: { hash, size },
      method: methods[i]!,
      ino,
      ctimeNs,
      entry: {
        path,
        hash: hashToHex(hash),
        size: String(size),
        mtimeNs: String(mtimeNs),
        mode: Number(packed % MODES),
        blocks: Number(packed / MODES),
      },
    };
  });
}

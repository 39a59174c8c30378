/** Captured names become a snapshot, or the base of a clone: content looked for, lists and record durable, in this order (docs/snapshots.md). */
import { VriftError } from "../platform/errors.js";
import { hashFromHex, hashToHex } from "../platform/hash.js";
import type { BlobId, ContentStore, ImportResult, Lease } from "../store/store.js";
import {
  type RecordedBlob,
  type SnapshotOwner,
  type SnapshotRecord,
  beginSnapshot,
  keepSnapshot,
} from "../workspace/snapshots.js";
import type { CapturedTree } from "./capture-tree.js";
import type { TreeContext } from "./context.js";
import {
  type RecordedName,
  type RecordedStamps,
  type RecordedTree,
  decodeStamps,
  decodeTree,
  encodeStamps,
  encodeTree,
} from "./recorded-tree.js";

export interface SnapshotContent {
  readonly tree: RecordedTree;
  readonly stamps: RecordedStamps;
}

export interface StoreOptions {
  /** null: the base of a clone. */
  readonly name: string | null;
  /** Of what it is; of a base: the source. */
  readonly root: string;
  /** One of that name ends. Otherwise EEXIST. */
  readonly replace: boolean;
  readonly scope?: readonly string[];
}

/** EEXIST; EIO when content is not in the store (any more). @param lease has every hash of `captured` but those not held. */
export async function storeSnapshot(
  { home, store }: Pick<TreeContext, "home" | "store">,
  owner: SnapshotOwner,
  captured: Pick<CapturedTree, "tree" | "stamps" | "notHeld">,
  lease: Lease,
  { name, root, replace, scope }: StoreOptions,
): Promise<SnapshotRecord> {
  const roots = beginSnapshot(home, owner.id);
  const body = await store.importBytes(encodeTree(captured.tree), lease);
  const stamps = await store.importBytes(encodeStamps(captured.stamps), lease);
  const hashes = new Map([body, stamps].map((blob) => [hashToHex(blob.hash), blob.hash]));
  let files = 0;
  let bytes = 0n;
  for (const [key, entry] of captured.tree) {
    if (entry.type !== "file") continue;
    files += 1;
    bytes += entry.size;
    if (captured.notHeld.has(key) || entry.size === 0n) continue;
    const id = blobOf(entry);
    if (!hashes.has(entry.hash) && store.statBlob(id) === undefined) throw missing(key, id);
    hashes.set(entry.hash, id.hash);
  }
  await store.sync();
  const list = await store.roots(roots);
  try {
    await list.replace(hashes.values());
  } finally {
    list.close();
  }
  const record: SnapshotRecord = {
    ...{ roots, madeMs: Date.now(), root, body: recorded(body), stamps: recorded(stamps) },
    ...{ files, bytes: String(bytes), ...(scope === undefined ? {} : { scope }) },
  };
  await keepSnapshot(home, store, owner, { name, record, replace });
  return record;
}

/** VRIFT_DAMAGED, EIO. */
export async function readSnapshot(
  store: ContentStore,
  { body, stamps }: SnapshotRecord,
): Promise<SnapshotContent & { readonly tree: Map<string, RecordedName> }> {
  return {
    tree: decodeTree(await readChecked(store, body)),
    stamps: decodeStamps(await readChecked(store, stamps)),
  };
}

/** EIO naming the first file whose content is not in the store. */
export function assertAllThere(store: ContentStore, tree: RecordedTree): void {
  for (const [key, entry] of tree) {
    if (entry.type !== "file" || entry.size === 0n) continue;
    const id = blobOf(entry);
    if (store.statBlob(id) === undefined) throw missing(key, id);
  }
}

/** VRIFT_DAMAGED: a name is no content hash. */
export function blobOf({ hash, size }: { readonly hash: string; readonly size: bigint }): BlobId {
  const bytes = hashFromHex(hash);
  if (bytes === undefined)
    throw new VriftError("VRIFT_DAMAGED", `${JSON.stringify(hash)} is not a content hash`);
  return { hash: bytes, size };
}

async function readChecked(store: ContentStore, { hash, size }: RecordedBlob): Promise<Buffer> {
  const id = blobOf({ hash, size: BigInt(size) });
  await store.verifyBlob(id);
  return await store.readBlob(id);
}

function recorded({ hash, size }: ImportResult): RecordedBlob {
  return { hash: hashToHex(hash), size: String(size) };
}

function missing(key: string, { hash, size }: BlobId): VriftError {
  return new VriftError(
    "EIO",
    `the content of ${key} (BLAKE3 ${hashToHex(hash)}, ${size} bytes) is not in the store`,
  );
}

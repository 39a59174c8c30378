/** The names of a workspace with all their content in the store: what a snapshot is made of (docs/snapshots.md, snapshot). */
import { type BigIntStats, closeSync, constants, fstatSync, openSync } from "node:fs";
import { join } from "node:path";
import { VriftError } from "../platform/errors.js";
import { isErrno, readFully } from "../platform/files.js";
import { hashFromHex, hashToHex } from "../platform/hash.js";
import type { ContentStore, Lease } from "../store/store.js";
import { hashFile } from "../store/hash-file.js";
import { isElf } from "../workspace/policy.js";
import type { TreeContext } from "./context.js";
import {
  type PresentFile,
  type PresentTree,
  assertReadable,
  readPresent,
  stampText,
} from "./present-tree.js";
import type { RecordedFile, RecordedName } from "./recorded-tree.js";
import { permissions } from "../workspace/stat-file.js";

export interface CapturedTree {
  readonly tree: Map<string, RecordedName>;
  readonly stamps: Map<string, string>;
  /** Keys of physical files whose content was not put into the store. */
  readonly notHeld: ReadonlySet<string>;
  /** Files with attributes or ACLs, which are not in it. */
  readonly attributes: number;
  /** False: programs changed the tree all the while, and not everything is of one moment. */
  readonly settled: boolean;
}

export interface CaptureOptions {
  readonly only?: (key: string) => boolean;
  /** Of physical files: whose content is to be kept; of the others only the hash. Everything when left out. */
  readonly holds?: (file: { readonly size: bigint; readonly elf: boolean }) => boolean;
  /** Nobody works in it: one look is enough. */
  readonly atRest?: boolean;
}

const ATTEMPTS = 3;
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** A change within one tick of the clock does not move a stamp: one younger than this when it was read says nothing. */
const RACY_NS = 20_000_000n;

/** Every hash is in the lease before its blob is relied on. */
export async function captureTree(
  context: TreeContext,
  root: string,
  lease: Lease,
  options: CaptureOptions = {},
): Promise<CapturedTree> {
  const { progress } = context;
  let present = await readPresent(context, root, options.only);
  assertReadable(root, present);
  for (let attempt = 1; ; attempt++) {
    const physical = [...present.names].filter(([, name]) => name.type === "file" && !name.virtual);
    const bytes = physical.reduce((sum, [, name]) => sum + (name as PresentFile).size, 0n);
    progress.begin("import", physical.length, bytes);
    const captured = await importAll(context, root, lease, present, options);
    if (captured !== undefined && options.atRest === true) return { ...captured, settled: true };
    const later = await readPresent(context, root, options.only);
    const settled = captured !== undefined && isSame(present, later);
    if (captured !== undefined && (settled || attempt === ATTEMPTS)) return { ...captured, settled };
    if (attempt === ATTEMPTS) throw new VriftError("EBUSY", `files of ${root} do not hold still`);
    present = later;
  }
}

type Imported = Omit<CapturedTree, "settled">;

/** undefined: a file changed while it was read. */
async function importAll(
  { store, progress }: TreeContext,
  root: string,
  lease: Lease,
  present: PresentTree,
  { holds }: CaptureOptions,
): Promise<Imported | undefined> {
  const tree = new Map<string, RecordedName>();
  const stamps = new Map<string, string>();
  const notHeld = new Set<string>();
  for (const [key, name] of present.names) {
    if (name.type !== "file") {
      tree.set(key, name);
      continue;
    }
    if (name.virtual) {
      lease.add(hashFromHex(name.hash!)!);
      tree.set(key, recordedFile(name, name.hash!));
      continue;
    }
    if (name.hash !== undefined && isHeld(store, lease, name.hash, name.size)) {
      tree.set(key, recordedFile(name, name.hash));
      if (name.scan !== undefined) stamps.set(key, stampText(name.scan)); // the index has no hash of a young stamp
      progress.advance(1, name.size);
      continue;
    }
    const path = join(root, key);
    let fd: number;
    try {
      fd = openSync(path, OPEN_FLAGS);
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "ENXIO")) return undefined;
      throw error;
    }
    try {
      const head = Buffer.alloc(4);
      const elf = isElf(head.subarray(0, readFully(fd, head, 0)));
      const held = holds?.({ size: name.size, elf }) ?? true;
      const { hash } = held ? await store.importFile(fd, path, "copy", lease) : await hashFile(fd);
      if (!isAsScanned(fstatSync(fd, { bigint: true }), name)) return undefined;
      if (!held) notHeld.add(key);
      tree.set(key, recordedFile(name, hashToHex(hash)));
    } catch (error) {
      if (error instanceof VriftError && error.code === "EBUSY") return undefined;
      throw error;
    } finally {
      closeSync(fd);
    }
    const { scan } = name;
    if (scan !== undefined && BigInt(Date.now()) * 1_000_000n - scan.ctimeNs > RACY_NS)
      stamps.set(key, stampText(scan));
    progress.advance(1, name.size);
  }
  return { tree, stamps, notHeld, attributes: present.attributes };
}

/** Named first, looked for afterwards. */
function isHeld(store: ContentStore, lease: Lease, hex: string, size: bigint): boolean {
  const hash = hashFromHex(hex)!;
  lease.add(hash);
  return store.statBlob({ hash, size })?.sealed === true;
}

function isAsScanned(stat: BigIntStats, { size, mtimeNs, mode, scan }: PresentFile): boolean {
  return (
    stat.size === size &&
    stat.mtimeNs === mtimeNs &&
    permissions(stat) === mode &&
    (scan === undefined || stat.ino === scan.ino)
  );
}

function recordedFile(file: PresentFile, hash: string): RecordedFile {
  const { mode, mtimeNs, size, blocks, virtual, linkedTo } = file;
  const link = linkedTo === undefined ? {} : { linkedTo };
  return { type: "file", mode, mtimeNs, size, hash, blocks, virtual, ...link };
}

/** The same names, and the files unchanged between the two looks: those that were read in between are what they were. */
function isSame(before: PresentTree, after: PresentTree): boolean {
  if (before.names.size !== after.names.size) return false;
  for (const [key, name] of before.names) {
    const now = after.names.get(key);
    if (now === undefined || now.type !== name.type || now.mtimeNs !== name.mtimeNs) return false;
    if (now.type === "symlink" && name.type === "symlink" && now.target !== name.target) return false;
    if (now.type === "file" && name.type === "file" && !isSameFile(name, now)) return false;
    if (now.type === "dir" && name.type === "dir" && now.mode !== name.mode) return false;
  }
  return true;
}

function isSameFile(a: PresentFile, b: PresentFile): boolean {
  if (a.virtual !== b.virtual || a.size !== b.size || a.mode !== b.mode) return false;
  if (a.scan === undefined || b.scan === undefined) return a.hash === b.hash;
  return stampText(a.scan) === stampText(b.scan);
}

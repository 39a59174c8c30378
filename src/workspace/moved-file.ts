/**
 * An inode leaves its path for `.vrift/moving/<n>` and is settled there: removed when a blob vouches for it, given back
 * otherwise. The argument is in docs/tree.md ("Why rename before unlink").
 */
import {
  type BigIntStats,
  close,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  unlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { hashFromHex } from "../platform/hash.js";
import { native } from "../platform/native.js";
import { hashFile } from "../store/hash-file.js";
import type { BlobId, ContentStore } from "../store/store.js";
import type { PhysicalReason } from "./policy.js";
import { type MovingFile, movingPath } from "./intent.js";
import { permissions, statFile } from "./stat-file.js";

/** What the inode was when its content went into the store. */
export interface Expected {
  readonly ino: bigint;
  readonly ctimeNs: bigint;
  /** It became the blob: two links. */
  readonly linked: boolean;
}

export interface Moved {
  readonly file: MovingFile;
  /** Size and mtime alone do not convince: a killed run moved it. */
  readonly rehash: boolean;
  /** It became the blob: when it is that no more, it goes back. */
  readonly linked: boolean;
}

/** `kept`: its path was taken by then, and this is the name it got instead. */
export type Settled =
  | { readonly outcome: "removed" }
  | { readonly outcome: "returned"; readonly reason: PhysicalReason; readonly kept: string | null };

/** Takes the name out of the tree. A reason: it stays where it is. `gone`: nothing has the name any more. */
export function moveAside(
  root: string,
  file: MovingFile,
  expected: Expected,
): Moved | PhysicalReason | "gone" {
  const path = join(root, file.key);
  const stat = statFile(path);
  if (!stat) return "gone";
  if (!stat.isFile() || stat.ino !== expected.ino || !isAsRecorded(stat, file)) return "changed";
  // Also when only its link in the store has gone, because somebody put a private copy there: whoever compares the tree with
  // the entries at this moment sees another ctime, takes it for another file, and would end the entry when it is gone.
  if (stat.ctimeNs !== expected.ctimeNs) return "changed";
  try {
    native.renameNoReplace(path, movingPath(root, file.n));
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return "gone";
    if (isErrno(error, "EACCES", "EPERM", "EBUSY", "EXDEV", "EROFS")) return "pinned";
    throw error;
  }
  return { file, rehash: false, linked: expected.linked };
}

/** Nothing has the name `file.n` any more when it resolves. */
export async function settle(
  store: ContentStore,
  root: string,
  { file, rehash, linked }: Moved,
): Promise<Settled> {
  const path = movingPath(root, file.n);
  const id = blobIdOf(file);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  let closesLater = false;
  try {
    // In this order: after "no writer" nothing changes any more, and only then what it is is final.
    const writer = native.hasWriter(fd);
    const stat = fstatSync(fd, { bigint: true });
    const same = isAsRecorded(stat, file) && (!rehash || (await hashFile(fd)).hash.equals(id.hash));
    const vouching = same && !writer ? whoVouches(store, id, stat) : undefined;
    if (vouching === "itself" || (vouching === "another" && !linked)) {
      unlinkSync(path);
      if (vouching === "itself") store.sealBlob(id, fd);
      else closesLater = true;
      return { outcome: "removed" };
    }
    await takeFromStore(store, id, stat.ino);
    return { outcome: "returned", reason: same && writer ? "writer" : "changed", kept: giveBack(root, file) };
  } finally {
    if (closesLater) closeLater(fd);
    else closeSync(fd);
  }
}

/** Descriptors that are being closed. */
let closing = 0;
const CLOSING_MAX = 256;

/** The last one of a file without names: its blocks are freed by that, which takes longer than all else, and nobody waits for it. */
function closeLater(fd: number): void {
  if (closing >= CLOSING_MAX) return closeSync(fd);
  closing += 1;
  close(fd, () => {
    closing -= 1;
  });
}

function isAsRecorded(stat: BigIntStats, file: MovingFile): boolean {
  return (
    stat.size === BigInt(file.size) &&
    stat.mtimeNs === BigInt(file.mtimeNs) &&
    permissions(stat) === file.mode
  );
}

/** A durable blob of this content that nobody can write: sealed, or this very inode, of which we hold the last other name. */
function whoVouches(store: ContentStore, id: BlobId, stat: BigIntStats): "itself" | "another" | undefined {
  const blob = store.statBlob(id);
  if (blob?.ino === stat.ino && id.size > 0n) return stat.nlink === 2n ? "itself" : undefined;
  return blob?.sealed ? "another" : undefined;
}

/** An inode that goes back to its owner is nobody's blob: a checked copy takes its place, or nothing. */
async function takeFromStore(store: ContentStore, id: BlobId, ino: bigint): Promise<void> {
  if (id.size === 0n || store.statBlob(id)?.ino !== ino) return;
  try {
    await store.verifyBlob(id);
  } catch {
    // Other content by now, or no space for a copy: the file wins over its entry, which needs no blob then.
  }
  store.discardLinked(id, ino);
}

/** Back to its path; beside it, under the name that is returned, when something newer is there. A blob that it has become stays one. */
export function giveBack(root: string, file: MovingFile): string | null {
  const from = movingPath(root, file.n);
  mkdirSync(dirname(join(root, file.key)), { recursive: true }); // empty for a moment, it may have been removed
  for (let attempt = 0; ; attempt++) {
    const key = attempt === 0 ? file.key : `${file.key}.vrift-kept-${attempt}`;
    try {
      native.renameNoReplace(from, join(root, key));
      return attempt === 0 ? null : key;
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    }
  }
}

export function blobIdOf(file: { readonly hash: string; readonly size: string }): BlobId {
  const hash = hashFromHex(file.hash);
  if (!hash) throw new VriftError("EBADMSG", `${JSON.stringify(file.hash)} is not a content hash`);
  return { hash, size: BigInt(file.size) };
}

/**
 * Content comes in. The order keeps a concurrent sweep from deleting what an import has just relied on:
 *
 *   1. the hash is in the caller's lease: named first,
 *   2. the blob is looked for afterwards; one that is in the trash comes back by that, one that is not there is made. (A link
 *      is tried without a look: it makes what is not there. What the trash has of it is of no more use then.)
 *
 * The sweep renames a candidate to the trash first and reads leases and roots after that. So either it reads our lease and
 * puts the blob back, or its rename came before our look, which then misses. The whole argument is in named-hashes.ts. The
 * caller adds the hash to its roots before it releases the lease. (The ctime moved of a blob that is there already is no part
 * of this; it says when the content was last wanted.)
 */
import { fstatSync } from "node:fs";
import { VriftError } from "../platform/errors.js";
import { isErrno, makeDirectory, writeAll } from "../platform/files.js";
import { EMPTY_HASH, hashBytes } from "../platform/hash.js";
import { native } from "../platform/native.js";
import { type StoreLayout, blobDirectory, blobFile, blobName } from "./blob-names.js";
import { isSealed, lookUp, makePrivate, quarantine, sealFile, statFile, touch } from "./blobs.js";
import { assertUnchanged, changedWhileRead, settledStamp, stampOf } from "./file-stamp.js";
import { fillFile } from "./fill.js";
import { hashFile, readShort } from "./hash-file.js";
import { type PrivateFile, createPrivateFile } from "./private-file.js";
import { isCopying, noteFilled, putBlob } from "./put-small.js";
import type { BlobId, FileImportResult, FileStamp, ImportMethod, ImportResult, Lease } from "./store.js";

/** Each attempt is lost only to another process that made, swept or quarantined the same blob at that moment. */
const ATTEMPTS = 16;

const EMPTY: ImportResult = { hash: EMPTY_HASH, size: 0n, method: "empty", blocks: 0 };

/** For `link`: the content is there, as a file that somebody else has linked and may still change. */
export class SharedContentError extends VriftError {}

export async function importFile(
  layout: StoreLayout,
  fd: number,
  path: string,
  how: "link" | "copy",
  lease: Lease,
): Promise<FileImportResult> {
  const before = await settledStamp(fd, path);
  if (before.size === 0n) return { ...EMPTY, stamp: before };
  const short = readShort(fd, before.size);
  const hashed =
    short === undefined ? await hashFile(fd) : { hash: hashBytes(short), size: BigInt(short.length) };
  if (hashed.size !== before.size) throw changedWhileRead(path);
  assertUnchanged(fd, before, path);

  const id: BlobId = { hash: hashed.hash, size: hashed.size };
  lease.add(id.hash);
  // Most files are new, and the link itself tells: it needs no look before.
  const first = how === "link" ? linkUnchanged(layout, id, fd, before, path) : "exists";
  if (typeof first !== "string") return first;
  // `short` is good until the next await. What the trash has of a blob that is not there is of no more use when this makes it.
  if (how === "copy" && short !== undefined && putShort(layout, id, short, before.dev))
    return finish(layout, id, "copy", fd);
  return await importHashed(layout, id, { fd, path, before, how: first === "exists" ? how : "copy" });
}

interface HashedFile {
  readonly fd: number;
  readonly path: string;
  /** As it was when it was hashed. */
  readonly before: FileStamp;
  readonly how: "link" | "copy";
}

async function importHashed(
  layout: StoreLayout,
  id: BlobId,
  { fd, path, before, how }: HashedFile,
): Promise<FileImportResult> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await isOwnLink(layout, id, fd)) return finish(layout, id, "link", fd);
    if (how === "link" && isShared(layout, id))
      throw new SharedContentError(
        "EBUSY",
        `${path}: its content is a file that is being moved into the store`,
      );
    if (await isPresent(layout, id)) return finish(layout, id, "present", fd);
    const linked = how === "link" ? linkUnchanged(layout, id, fd, before, path) : "impossible";
    if (linked === "exists") continue;
    if (linked !== "impossible") return linked;
    const method = await copyInto(layout, id, fd, () => {
      assertUnchanged(fd, before, path);
    });
    if (method) {
      noteFilled(layout, before.dev, method === "reflink" ? "reflink" : "copy");
      return finish(layout, id, method, fd);
    }
  }
  throw new VriftError("EBUSY", `${path}: its blob ${blobName(id)} keeps being changed by others`);
}

/** Bytes that are in memory, and of which nothing was there a moment ago. False: somebody was first, or it goes another way. */
function putShort(layout: StoreLayout, id: BlobId, bytes: Uint8Array, dev: bigint): boolean {
  if (!isCopying(layout, dev) || statFile(blobFile(layout, id)) !== undefined) return false;
  try {
    return putBlob(layout, id, bytes);
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    throw error;
  }
}

/** EBUSY when the file changed between the hash and the link, which is taken back then. */
function linkUnchanged(
  layout: StoreLayout,
  id: BlobId,
  fd: number,
  before: FileStamp,
  path: string,
): FileImportResult | "exists" | "impossible" {
  const linking = linkInto(layout, id, fd);
  if (linking !== "linked") return linking;
  const stat = fstatSync(fd, { bigint: true });
  const stamp = stampOf(stat);
  // The link itself moves ctime, so size and mtime have to tell what happened.
  if (stamp.size === before.size && stamp.mtimeNs === before.mtimeNs)
    return { ...id, method: "link", blocks: Number(stat.blocks), stamp };
  discardLinked(layout, id, stamp.ino);
  throw changedWhileRead(path);
}

export async function importBytes(
  layout: StoreLayout,
  bytes: Uint8Array,
  lease: Lease,
): Promise<ImportResult> {
  if (bytes.length === 0) return EMPTY;
  const id: BlobId = { hash: hashBytes(bytes), size: BigInt(bytes.length) };
  lease.add(id.hash);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await isPresent(layout, id)) return { ...id, method: "present", blocks: blocksOf(layout, id) };
    const file = createPrivateFile(layout.incoming, blobName(id), blobDirectory(layout, id));
    try {
      writeAll(file.fd, bytes, 0);
      if (publishSealed(layout, id, file)) return { ...id, method: "copy", blocks: blocksOf(layout, id) };
    } finally {
      file.close();
    }
  }
  throw new VriftError("EBUSY", `blob ${blobName(id)} keeps being changed by others`);
}

/** Removes the blob's name if it is inode `ino`; the user's file keeps its own. */
export function discardLinked(layout: StoreLayout, id: BlobId, ino: bigint): void {
  const found = statFile(blobFile(layout, id));
  if (found?.ino === ino && found.nlink > 1n) quarantine(layout, id, ino);
}

/** A killed run has linked this very file: the import is as good as done. */
async function isOwnLink(layout: StoreLayout, id: BlobId, fd: number): Promise<boolean> {
  const file = fstatSync(fd, { bigint: true });
  if (file.nlink < 2n) return false;
  const blob = lookUp(layout, id);
  return blob !== undefined && blob.ino === file.ino && blob.dev === file.dev;
}

function isShared(layout: StoreLayout, id: BlobId): boolean {
  const found = lookUp(layout, id);
  return found !== undefined && !isSealed(found) && found.nlink > 1n;
}

/** Step 2, for a blob we can rely on: an unsealed one becomes private first. */
async function isPresent(layout: StoreLayout, id: BlobId): Promise<boolean> {
  const found = lookUp(layout, id);
  if (!found) return false;
  if (!isSealed(found) && !(await makePrivate(layout, id))) return false;
  return touch(layout, id) && lookUp(layout, id) !== undefined;
}

function linkInto(layout: StoreLayout, id: BlobId, fd: number): "linked" | "exists" | "impossible" {
  try {
    inShard(layout, id, () => {
      native.linkFd(fd, blobFile(layout, id));
    });
    return "linked";
  } catch (error) {
    if (isErrno(error, "EEXIST")) return "exists";
    // ENOENT: the file has lost its last name meanwhile.
    if (isErrno(error, "EXDEV", "EMLINK", "EPERM", "EACCES", "EOPNOTSUPP", "ENOENT")) return "impossible";
    throw error;
  }
}

/** undefined: somebody else published it first. */
async function copyInto(
  layout: StoreLayout,
  id: BlobId,
  fd: number,
  check: () => void,
): Promise<ImportMethod | undefined> {
  const file = createPrivateFile(layout.incoming, blobName(id), blobDirectory(layout, id));
  try {
    const filled = await fillFile(file.fd, fd);
    check();
    if (filled.size !== id.size || (filled.hash && !filled.hash.equals(id.hash))) {
      throw new VriftError("EBUSY", `the file changed while it was copied to ${blobName(id)}`);
    }
    return publishSealed(layout, id, file) ? filled.method : undefined;
  } finally {
    file.close();
  }
}

function publishSealed(layout: StoreLayout, id: BlobId, file: PrivateFile): boolean {
  sealFile(file.fd);
  try {
    inShard(layout, id, () => {
      file.publish(blobFile(layout, id));
    });
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    throw error;
  }
}

/** Shards are made when first needed. */
function inShard(layout: StoreLayout, id: BlobId, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    makeDirectory(blobDirectory(layout, id));
    action();
  }
}

function finish(layout: StoreLayout, id: BlobId, method: ImportMethod, fd: number): FileImportResult {
  const stamp = stampOf(fstatSync(fd, { bigint: true }));
  return { ...id, method, blocks: blocksOf(layout, id), stamp };
}

function blocksOf(layout: StoreLayout, id: BlobId): number {
  return Number(statFile(blobFile(layout, id))?.blocks ?? 0n);
}

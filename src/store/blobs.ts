/**
 * Blobs under their names: look up, seal, quarantine, make private.
 *
 * A blob is *sealed* when its inode has one name, mode 0444 and the time SEAL_SECONDS: nothing but root, or its owner after a
 * chmod, can write it, and a write takes the time, and so the seal, away (docs/verify.md). After an import by link it is not:
 * the user's file is the same inode, until the caller removes that name, finds no writer and seals it. Until then it can
 * change, and one that was never sealed (its caller was killed, its file deleted while a program wrote to it) may have
 * changed. So nobody relies on an unsealed blob: whoever needs its content (a second file with the same bytes, a claim of a
 * client, a reader) replaces it by a checked private copy first (`makePrivate`).
 */
import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fdatasync,
  fstatSync,
  futimesSync,
  lstatSync,
  openSync,
  renameSync,
} from "node:fs";
import { promisify } from "node:util";
import { isErrno, makeDirectory, temporaryName, unlinkIfPresent } from "../platform/files.js";
import { native } from "../platform/native.js";
import { SEAL_SECONDS } from "../platform/seal.js";
import {
  type StoreLayout,
  blobDirectory,
  blobFile,
  blobName,
  quarantineFile,
  sweptFile,
} from "./blob-names.js";
import { fillFile } from "./fill.js";
import { hashFile } from "./hash-file.js";
import { createPrivateFile } from "./private-file.js";
import type { BlobId } from "./store.js";

const syncData = promisify(fdatasync);

export const SEALED_MODE = 0o444;
const SEAL_NS = BigInt(SEAL_SECONDS) * 1_000_000_000n;
const PERMISSION_BITS = 0o7777n;
const LOCK_EX = 2;

/** Stat of a blob of the right size, restored from the trash if a sweep had it; undefined when there is none. */
export function lookUp(layout: StoreLayout, id: BlobId): BigIntStats | undefined {
  const path = blobFile(layout, id);
  // Once more at the end: a sweep may have put it back between the two looks.
  const found = statFile(path) ?? restoreSwept(layout, id) ?? statFile(path);
  if (!found) return undefined;
  if (!found.isFile() || found.size !== id.size) {
    quarantine(layout, id, found.ino);
    return undefined;
  }
  return found;
}

export function isSealed(stat: BigIntStats): boolean {
  return (
    stat.nlink === 1n && stat.mtimeNs === SEAL_NS && (stat.mode & PERMISSION_BITS) === BigInt(SEALED_MODE)
  );
}

/** Of an open file whose content is checked and which nobody else has open for writing. The access time says when. */
export function sealFile(fd: number): void {
  fchmodSync(fd, SEALED_MODE);
  futimesSync(fd, Date.now() / 1000, SEAL_SECONDS);
}

export function statFile(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

/** A sweep's grace period counts from its rename: back under its name, the blob starts a new life. */
function restoreSwept(layout: StoreLayout, id: BlobId): BigIntStats | undefined {
  const swept = sweptFile(layout, id);
  const stat = statFile(swept);
  if (!stat?.isFile() || stat.size !== id.size) return undefined;
  makeDirectory(blobDirectory(layout, id));
  try {
    native.renameNoReplace(swept, blobFile(layout, id));
  } catch (error) {
    if (!isErrno(error, "ENOENT", "EEXIST")) throw error;
  }
  return statFile(blobFile(layout, id));
}

/** Says that somebody needs a sealed blob now: its ctime moves. False when it is gone. */
export function touch(layout: StoreLayout, id: BlobId): boolean {
  try {
    chmodSync(blobFile(layout, id), SEALED_MODE);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

/**
 * Takes the inode `ino` out of the store because it is not what its name says. Kept in the trash for a person to look at (where
 * is returned), unless it is somebody's file as well. Between our look and the rename somebody else may have put a good blob
 * there: the inode tells, and a good one goes back.
 */
export function quarantine(layout: StoreLayout, id: BlobId, ino: bigint): string | undefined {
  const path = blobFile(layout, id);
  const aside = quarantineFile(layout, id);
  try {
    renameSync(path, aside);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
  const moved = statFile(aside);
  if (!moved) return undefined;
  if (moved.ino !== ino) {
    try {
      native.renameNoReplace(aside, path);
    } catch (error) {
      // Somebody made it once more: one of the two equal blobs is enough.
      if (!isErrno(error, "EEXIST")) throw error;
      unlinkIfPresent(aside);
    }
    return undefined;
  }
  if (moved.nlink === 1n || !moved.isFile()) return aside;
  unlinkIfPresent(aside);
  return undefined;
}

/**
 * Seals a blob that no longer has another name, of which the caller knows that its content is right. False: it still has one (or
 * is absent).
 */
export function seal(layout: StoreLayout, id: BlobId, inode?: number): boolean {
  if (inode !== undefined) return sealSingle(layout, id, inode);
  let fd: number;
  try {
    fd = openSync(blobFile(layout, id), constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
  try {
    return sealSingle(layout, id, fd);
  } finally {
    closeSync(fd);
  }
}

function sealSingle(layout: StoreLayout, id: BlobId, fd: number): boolean {
  if (!isBlobAlone(layout, id, fstatSync(fd, { bigint: true }))) return false;
  sealFile(fd);
  return true;
}

/** Its one name is the blob's. Somebody else may have put a copy there: then the one name is a user's, and the inode is not ours to seal. */
function isBlobAlone(layout: StoreLayout, id: BlobId, { nlink, ino }: BigIntStats): boolean {
  return nlink === 1n && statFile(blobFile(layout, id))?.ino === ino;
}

/**
 * The blob's inode is nobody else's and nobody has it open for writing: its content is checked and sealed where it is.
 * undefined: it is not so, or it changed meanwhile. False: the content is another.
 */
async function sealInPlace(layout: StoreLayout, fd: number, id: BlobId): Promise<boolean | undefined> {
  const before = fstatSync(fd, { bigint: true });
  if (!isBlobAlone(layout, id, before) || native.hasWriter(fd)) return undefined;
  const hashed = await hashFile(fd);
  const now = fstatSync(fd, { bigint: true });
  if (native.hasWriter(fd) || !isBlobAlone(layout, id, now) || now.mtimeNs !== before.mtimeNs)
    return undefined;
  if (hashed.size !== id.size || !hashed.hash.equals(id.hash)) return false;
  sealFile(fd);
  return true;
}

/**
 * Makes an unsealed blob one that can be relied on: sealed where it is when it is nobody else's, else replaced by a private, sealed copy of
 * its content, checked against its name. False: the content was
 * another (the user's file changed after the import), and the name is gone; or it was gone before.
 * @param onDamage hears where the damaged one lies, if it was kept.
 */
export async function makePrivate(
  layout: StoreLayout,
  id: BlobId,
  onDamage?: (aside: string | undefined) => void,
): Promise<boolean> {
  let from: number;
  try {
    from = openSync(blobFile(layout, id), constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
  try {
    const ino = fstatSync(from, { bigint: true }).ino;
    const sealed = await sealInPlace(layout, from, id);
    if (sealed === true) return true;
    if (sealed === undefined) return await replaceByCopy(layout, id, from, ino, onDamage);
    const aside = quarantine(layout, id, ino);
    onDamage?.(aside);
    return false;
  } finally {
    closeSync(from);
  }
}

async function replaceByCopy(
  layout: StoreLayout,
  id: BlobId,
  from: number,
  ino: bigint,
  onDamage?: (aside: string | undefined) => void,
): Promise<boolean> {
  const copy = createPrivateFile(layout.incoming, blobName(id));
  try {
    native.flock(copy.fd, LOCK_EX); // it has a name in incoming/ for a moment
    const filled = await fillFile(copy.fd, from);
    const hash = filled.hash ?? (await hashFile(copy.fd)).hash;
    if (filled.size !== id.size || !hash.equals(id.hash)) {
      const aside = quarantine(layout, id, ino);
      onDamage?.(aside);
      return false;
    }
    sealFile(copy.fd);
    // Whoever imported by link may have synced the store already and be about to remove the file: a name that is
    // durable must not lead to bytes that are not.
    await syncData(copy.fd);
    const staged = temporaryName(layout.incoming, blobName(id));
    copy.publish(staged);
    renameSync(staged, blobFile(layout, id));
    return true;
  } finally {
    copy.close();
  }
}

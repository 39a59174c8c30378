/**
 * Content goes out: a private file with the blob's bytes, exact mode and times, which appears at its path with one
 * linkat. Nothing in the tree is ever written in place.
 */
import { closeSync, constants, fchmodSync, fstatSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { hashBytes, hashToHex } from "../platform/hash.js";
import { native } from "../platform/native.js";
import { type StoreLayout, blobFile, blobName } from "./blob-names.js";
import { isSealed, lookUp, makePrivate, quarantine } from "./blobs.js";
import { fillFile } from "./fill.js";
import { readShort } from "./hash-file.js";
import { createPrivateFile } from "./private-file.js";
import { isCopying, noteFilled, putFile } from "./put-small.js";
import type { BlobId } from "./store.js";

/** A lookup that brings it back from the trash, a private copy; each may be lost to another process once. */
const ATTEMPTS = 4;

/**
 * Opens a blob for reading, of the right size, and sealed: one that is not is hashed first, and replaced by a private copy or
 * quarantined. EIO otherwise: an entry promised it.
 */
export async function openBlob(layout: StoreLayout, id: BlobId, forWhat: string): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    let fd: number;
    try {
      fd = openSync(blobFile(layout, id), constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw error;
      if (!lookUp(layout, id)) break; // a sweep may have it in the trash
      continue;
    }
    const stat = fstatSync(fd, { bigint: true });
    if (stat.size === id.size && (id.size === 0n || isSealed(stat))) return fd;
    closeSync(fd);
    if (id.size === 0n) break;
    if (stat.size !== id.size) quarantine(layout, id, stat.ino);
    else await makePrivate(layout, id);
  }
  throw new VriftError(
    "EIO",
    `the content of ${forWhat} (BLAKE3 ${hashToHex(id.hash)}, ${id.size} bytes) is not, or not whole, in the store ${layout.path}`,
  );
}

/** What was read is not what the name says: nobody reads it again. */
export function damaged(layout: StoreLayout, id: BlobId, ino: bigint, forWhat: string): VriftError {
  quarantine(layout, id, ino);
  return new VriftError("EIO", `the content of ${forWhat} is damaged in the store: blob ${blobName(id)}`);
}

export async function exportTo(
  layout: StoreLayout,
  id: BlobId,
  to: string,
  stagingDirectory: string,
  mode: number,
  mtimeNs: bigint,
): Promise<void> {
  const from = await openBlob(layout, id, to);
  try {
    if (isCopying(layout, stagingDirectory) && exportShort(layout, id, from, to, mode, mtimeNs)) return;
    const file = createPrivateFile(stagingDirectory, "export", dirname(to));
    try {
      const filled = await fillFile(file.fd, from);
      noteFilled(layout, stagingDirectory, filled.method);
      if (filled.size !== id.size || (filled.hash && id.size > 0n && !filled.hash.equals(id.hash)))
        throw damaged(layout, id, fstatSync(from, { bigint: true }).ino, to);
      fchmodSync(file.fd, mode & 0o7777); // after the writing, which clears setuid bits
      native.setTimes(file.fd, mtimeNs, mtimeNs);
      file.publish(to);
    } finally {
      file.close();
    }
  } finally {
    closeSync(from);
  }
}

/** False: it is not short, or is to be made the long way. */
function exportShort(
  layout: StoreLayout,
  id: BlobId,
  from: number,
  to: string,
  mode: number,
  mtimeNs: bigint,
): boolean {
  const bytes = readShort(from, id.size);
  if (bytes === undefined) return false;
  if (id.size > 0n && !hashBytes(bytes).equals(id.hash))
    throw damaged(layout, id, fstatSync(from, { bigint: true }).ino, to);
  return putFile(bytes, to, mode & 0o7777, mtimeNs);
}

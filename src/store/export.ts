/**
 * Content goes out: a private file with the blob's bytes, exact mode and times, which appears at its path with one
 * linkat. Nothing in the tree is ever written in place.
 */
import { closeSync, constants, fchmodSync, fstatSync, openSync } from "node:fs";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { hashToHex } from "../platform/hash.js";
import { native } from "../platform/native.js";
import { type StoreLayout, blobFile } from "./blob-names.js";
import { lookUp, quarantine } from "./blobs.js";
import { fillFile } from "./fill.js";
import { createPrivateFile } from "./private-file.js";
import type { BlobId } from "./store.js";

/** Opens a blob for reading, of the right size. EIO otherwise: an entry promised it. */
export function openBlob(layout: StoreLayout, id: BlobId, forWhat: string): number {
  for (let attempt = 0; attempt < 2; attempt++) {
    let fd: number;
    try {
      fd = openSync(blobFile(layout, id), constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw error;
      if (!lookUp(layout, id)) break; // a sweep may have it in the trash
      continue;
    }
    const stat = fstatSync(fd, { bigint: true });
    if (stat.size === id.size) return fd;
    closeSync(fd);
    if (id.size === 0n) break;
    quarantine(layout, id, stat.ino);
  }
  throw new VriftError(
    "EIO",
    `the content of ${forWhat} (BLAKE3 ${hashToHex(id.hash)}, ${id.size} bytes) is not in the store ${layout.path}`,
  );
}

export async function exportTo(
  layout: StoreLayout,
  id: BlobId,
  to: string,
  stagingDirectory: string,
  mode: number,
  mtimeNs: bigint,
): Promise<void> {
  const from = openBlob(layout, id, to);
  try {
    const file = createPrivateFile(stagingDirectory, "export");
    try {
      const filled = await fillFile(file.fd, from);
      if (filled.size !== id.size)
        throw new VriftError("EIO", `${to}: its blob is ${filled.size} bytes, not ${id.size}`);
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

/**
 * Small content that is in memory becomes a file in one call, where it would be copied anyway: not between file systems that share
 * extents. Whether they do is known from the first file that went the long way (fill.ts).
 */
import { dirname } from "node:path";
import { isErrno } from "../platform/files.js";
import { native } from "../platform/native.js";
import { SEAL_SECONDS } from "../platform/seal.js";
import { type StoreLayout, blobFile } from "./blob-names.js";
import { SEALED_MODE } from "./blobs.js";
import type { FillMethod } from "./fill.js";
import type { BlobId } from "./store.js";

/** A device that content comes from, or a staging directory it goes through: all of one place are on one file system. */
export type OtherSide = bigint | string;

const copying = new WeakMap<StoreLayout, Set<OtherSide>>();

/** Bytes had to be copied between the store and there. */
export function noteFilled(layout: StoreLayout, there: OtherSide, method: FillMethod): void {
  if (method === "reflink") return;
  const known = copying.get(layout);
  if (known === undefined) copying.set(layout, new Set([there]));
  else known.add(there);
}

export function isCopying(layout: StoreLayout, there: OtherSide): boolean {
  return copying.get(layout)?.has(there) === true;
}

/** A sealed blob of bytes with this hash. EEXIST: there is one. False: it is to be made the long way, and nothing was done. */
export function putBlob(layout: StoreLayout, id: BlobId, bytes: Uint8Array): boolean {
  const atimeNs = BigInt(Date.now()) * 1_000_000n;
  const mtimeNs = BigInt(SEAL_SECONDS) * 1_000_000_000n;
  return put(bytes, blobFile(layout, id), { mode: SEALED_MODE, atimeNs, mtimeNs });
}

/** As `putBlob`, for a file of a tree. */
export function putFile(bytes: Uint8Array, to: string, mode: number, mtimeNs: bigint): boolean {
  return put(bytes, to, { mode, atimeNs: mtimeNs, mtimeNs });
}

function put(bytes: Uint8Array, to: string, facts: Parameters<typeof native.putFile>[3]): boolean {
  try {
    return native.putFile(dirname(to), bytes, to, facts);
  } catch (error) {
    // No such directory yet, or one that is not ours to write in; the long way knows what to do, or says so.
    if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM")) return false;
    throw error;
  }
}

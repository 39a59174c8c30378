/** Content that the store has lost, looked for in files of known trees. */
import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { hashToHex } from "../platform/hash.js";
import { scanTree } from "../platform/scan.js";
import { hashFile } from "../store/hash-file.js";
import type { BlobId } from "../store/store.js";
import type { TreeContext } from "./context.js";

/** The file that a blob was made from again, by hash in hexadecimal. */
export type Repaired = ReadonlyMap<string, string>;

const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Hashes every regular file below `directories` that has the size of something lost, and imports (by copy) what is. Ends when
 * all is found. Directories and files that cannot be read are passed over.
 */
export async function repair(
  { store, progress }: TreeContext,
  lost: readonly BlobId[],
  directories: readonly string[],
): Promise<Repaired> {
  const wanted = new Map(lost.map(({ hash }) => [hashToHex(hash), hash]));
  const sizes = new Set(lost.map(({ size }) => size));
  const repaired = new Map<string, string>();
  const lease = store.lease();
  try {
    for (const directory of directories) {
      if (wanted.size === 0) break;
      const files = (await readable(scanTree(directory, []))) ?? [];
      const candidates = files.filter(
        ({ type, size, errno }) => type === "file" && errno === 0 && sizes.has(size),
      );
      progress.begin("search", candidates.length, 0n);
      for (const { rawKey, key } of candidates) {
        if (wanted.size === 0) break;
        const path = Buffer.concat([Buffer.from(`${directory}/`), rawKey]);
        const found = await readable(takeIfWanted(path, join(directory, key)));
        if (found !== undefined) repaired.set(found, join(directory, key));
        progress.advance(1, 0n);
      }
    }
    if (repaired.size > 0) await store.sync();
  } finally {
    lease.release();
  }
  return repaired;

  async function takeIfWanted(path: Buffer, name: string): Promise<string | undefined> {
    const fd = openSync(path, OPEN_FLAGS);
    try {
      const hex = hashToHex((await hashFile(fd)).hash);
      if (!wanted.has(hex)) return undefined;
      const taken = hashToHex((await store.importFile(fd, name, "copy", lease)).hash);
      return wanted.delete(taken) ? taken : undefined;
    } finally {
      closeSync(fd);
    }
  }
}

/** undefined: it cannot be read, or not now. A full store is an error. */
async function readable<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const unreadable = ["ENOENT", "ENOTDIR", "EACCES", "EPERM", "ELOOP", "ENXIO", "EIO", "EBUSY"];
    if (isErrno(error, ...unreadable)) return undefined;
    if (error instanceof VriftError && unreadable.includes(error.code)) return undefined;
    throw error;
  }
}

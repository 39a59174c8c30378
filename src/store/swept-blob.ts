/** One blob on its way to the trash, back, or out. Each step is one call; a lookup may take it back between any two. */
import { renameSync } from "node:fs";
import { dirname } from "node:path";
import { isErrno, makeDirectory, unlinkIfPresent } from "../platform/files.js";
import { native } from "../platform/native.js";
import { statFile } from "./blobs.js";

export interface SweptPlace {
  /** First two digits of the hash. */
  readonly shard: string;
  /** Its path as a blob, and in the trash. */
  readonly blob: string;
  readonly swept: string;
}

/** False: somebody else took it away, or it may not go. What the trash has under the name is the same content, and is replaced. */
export function moveToTrash({ blob, swept }: SweptPlace): boolean {
  for (let attempt = 0; ; attempt++) {
    try {
      renameSync(blob, swept);
      return true;
    } catch (error) {
      // It has the immutable attribute (Protect): whoever asked for that wants it kept.
      if (isErrno(error, "EPERM")) return false;
      if (!isErrno(error, "ENOENT")) throw error;
      if (attempt > 0) return false;
      makeDirectory(dirname(swept)); // the first one of this shard
    }
  }
}

export function putBack({ blob, swept }: SweptPlace): void {
  makeDirectory(dirname(blob));
  try {
    native.renameNoReplace(swept, blob);
  } catch (error) {
    // Imported again meanwhile: one is enough, and who has opened the other keeps it.
    if (isErrno(error, "EEXIST")) unlinkIfPresent(swept);
    else if (!isErrno(error, "ENOENT")) throw error; // a lookup was faster
  }
}

export function isOver({ swept }: SweptPlace, graceMs: number): boolean {
  return ageMs(swept) >= graceMs;
}

/**
 * Since the store has last done something with the file: taken it in, or found it again for an import; moved it to the trash or
 * back. Each moves the inode's ctime. Of one that is not there: -1.
 */
export function ageMs(path: string): number {
  const stat = statFile(path);
  return stat === undefined ? -1 : Math.max(0, Date.now() - Number(stat.ctimeNs / 1_000_000n));
}

/** Bytes of content that nobody has any more: 0 where a file outside the store is the same inode. undefined: it was taken back. */
export function deleteSwept({ swept }: SweptPlace): bigint | undefined {
  const stat = statFile(swept);
  if (stat === undefined || !unlinkIfPresent(swept)) return undefined;
  return stat.nlink === 1n ? stat.size : 0n;
}

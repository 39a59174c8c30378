/** `incoming/`: files being written. What a dead process left there goes at the next open. */
import { closeSync, constants, fstatSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isErrno, unlinkIfPresent } from "../platform/files.js";
import { native } from "../platform/native.js";

const LOCK_EX = 2;
const LOCK_NB = 4;
/** A file just made may not hold its lock yet. */
const YOUNG_MS = 60_000;

export function removeAbandoned(directory: string, now = Date.now()): void {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      if (isErrno(error, "ENOENT")) continue;
      throw error;
    }
    try {
      // ctime: exact times set on a file being made may be old.
      if (now - fstatSync(fd).ctimeMs >= YOUNG_MS && native.flock(fd, LOCK_EX | LOCK_NB))
        unlinkIfPresent(path);
    } finally {
      closeSync(fd);
    }
  }
}

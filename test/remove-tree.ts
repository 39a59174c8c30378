import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { isErrno } from "../src/platform/files.js";

const ATTEMPTS = 200;

/**
 * `rm -rf` of what a process that is about to end may still write into (a last line of a log, a lock): done again, from the
 * beginning, when a name has appeared meanwhile. Node's own repetitions only try the directory itself again. Directories that forbid it
 * to everybody but root are opened.
 */
export function removeTree(path: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      rmSync(path, { recursive: true, force: true });
      return;
    } catch (error) {
      if (attempt === 1 && isErrno(error, "EACCES")) spawnSync("chmod", ["-R", "u+rwx", path]);
      else if (!isErrno(error, "ENOTEMPTY") || attempt === ATTEMPTS) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

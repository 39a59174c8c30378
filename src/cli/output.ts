/**
 * Synchronous writes to standard output and error. Node's streams would set O_NONBLOCK on a pipe that other programs
 * share, and lose what is queued when the process ends.
 */
import { writeSync } from "node:fs";

const pause = new Int32Array(new SharedArrayBuffer(4));

/** Writes all of it. False when nobody reads any more (EPIPE). */
export function writeAll(fd: 1 | 2, part: string | Uint8Array): boolean {
  let rest = typeof part === "string" ? Buffer.from(part) : part;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EPIPE" || code === "EBADF") return false;
      // Somebody else made the shared pipe non-blocking and it is full.
      if (code !== "EAGAIN") throw error;
      Atomics.wait(pause, 0, 0, 5);
    }
  }
  return true;
}

/** The files that programs and the daemon share beside the index: marks (mapped) and stripes (locked, never read). */
import { closeSync, constants as fsConstants, fchmodSync, fstatSync, openSync } from "node:fs";
import { join } from "node:path";
import { writeAll } from "../platform/files.js";
import { native } from "../platform/native.js";
import { constants } from "../vdir/layout.js";

const MARK_BYTES = Number(constants.MARK_WORDS) * 8;
/** One byte for each of the 4,096 locks. */
const STRIPES_BYTES = 4096;

/** Opens (making) `<run>/marks`, never replaced, since programs map it for as long as they live. Writable. */
export function mapMarks(file: string): ArrayBuffer {
  const fd = openSized(file, MARK_BYTES);
  try {
    return native.mapShared(fd, MARK_BYTES, true);
  } finally {
    closeSync(fd);
  }
}

export function makeStripes(run: string): void {
  closeSync(openSized(join(run, "stripes"), STRIPES_BYTES));
}

/** Written, not only extended: a full disk must show here and not as SIGBUS in a program. */
function openSized(file: string, size: number): number {
  const fd = openSync(file, fsConstants.O_RDWR | fsConstants.O_CREAT | fsConstants.O_NOFOLLOW, 0o600);
  fchmodSync(fd, 0o600);
  const { size: now } = fstatSync(fd);
  if (now < size) writeAll(fd, Buffer.alloc(size - now), now);
  return fd;
}

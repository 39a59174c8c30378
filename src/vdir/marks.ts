/** The files that programs and the daemon share beside the index: marks, mapped, and stripes, locked and never read. */
import { closeSync, constants as fs, fchmodSync, fstatSync, linkSync, openSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { VriftError } from "../platform/errors.js";
import { FILE_MODE, isErrno, writeAll } from "../platform/files.js";
import { native } from "../platform/native.js";
import { constants } from "./layout.js";

export const MARKS_SIZE = Number(constants.MARK_COUNT) * 8;
/** One byte to lock for each stripe. */
export const STRIPES_SIZE = 4096;

/** `run/<id>/marks`: made once, never replaced, because programs map it for as long as they live. */
export class Marks {
  /** The mapping, shared with every program; words are only ever added to. */
  readonly buffer: ArrayBuffer;

  private constructor(buffer: ArrayBuffer) {
    this.buffer = buffer;
  }

  /** Opens the file, making it when it is absent. ENOSPC; VRIFT_DAMAGED when something else has its name. */
  static open(path: string): Marks {
    return withSharedFile(path, MARKS_SIZE, (fd) => new Marks(native.mapShared(fd, MARKS_SIZE, true)));
  }

  /** Every word as it is now, each read whole; for IndexWriter.publishSeen. */
  snapshot(): ArrayBuffer {
    return native.marksSnapshot(this.buffer);
  }

  /** One whole operation on a key: what programs add around a change. Not for the daemon's own changes to the index. */
  bump(key: string): void {
    native.marksBump(this.buffer, native.pathHash(Buffer.from(key)));
  }
}

/** Makes `run/<id>/stripes`: byte `hash % 4096` is locked around a path's first write. */
export function makeStripes(run: string): void {
  withSharedFile(join(run, "stripes"), STRIPES_SIZE, () => undefined);
}

/** Position of a key's word. */
export function markWord(hash: bigint): number {
  return Number((hash >> 16n) & (constants.MARK_WORDS - 1n));
}

/**
 * The file has its whole size when it gets its name, and zeros are written, not left out: a full disk must show here,
 * and not as SIGBUS in a program.
 */
function withSharedFile<T>(path: string, size: number, use: (fd: number) => T): T {
  let fd = openExisting(path);
  if (fd === undefined) {
    const temporary = `${path}.${process.pid}.new`;
    const fresh = openSync(temporary, fs.O_RDWR | fs.O_CREAT | fs.O_TRUNC | fs.O_NOFOLLOW, FILE_MODE);
    try {
      fchmodSync(fresh, FILE_MODE);
      writeAll(fresh, Buffer.alloc(size));
      linkSync(temporary, path);
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    } finally {
      closeSync(fresh);
      unlinkSync(temporary);
    }
    fd = openExisting(path);
  }
  if (fd === undefined) throw new VriftError("VRIFT_DAMAGED", `${path} was removed while it was opened`);
  try {
    const status = fstatSync(fd);
    if (status.isFile() && status.size < size) {
      // A power cut: the name was on disk before the bytes. Growing it takes nothing from who has it mapped.
      writeAll(fd, Buffer.alloc(size - status.size), status.size);
    } else if (!status.isFile() || status.size !== size) {
      throw new VriftError("VRIFT_DAMAGED", `${path} is not a file of ${size} bytes`);
    }
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function openExisting(path: string): number | undefined {
  try {
    return openSync(path, fs.O_RDWR | fs.O_NOFOLLOW);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/**
 * Durable file primitives. Everything vrift keeps is 0700/0600 whatever the umask, and appears under its name complete
 * or not at all: a temporary name beside it, then rename. All calls are synchronous: they are small, and their order is
 * what matters.
 */
import {
  readdirSync,
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

export const DIRECTORY_MODE = 0o700;
export const FILE_MODE = 0o600;

/** open(2) O_TMPFILE on Linux x86-64; Node has no constant for it. */
export const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

export function isErrno(thrown: unknown, ...codes: readonly string[]): boolean {
  const code = thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
  return code !== undefined && codes.includes(code);
}

/** Makes `path` and what is missing above it, each 0700. An existing directory is left as it is. */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path, DIRECTORY_MODE);
  } catch (error) {
    if (isErrno(error, "EEXIST") && statSync(path).isDirectory()) return;
    if (!isErrno(error, "ENOENT") || dirname(path) === path) throw error;
    makeDirectory(dirname(path));
    makeDirectory(path);
    return;
  }
  // A umask can only have removed bits.
  chmodSync(path, DIRECTORY_MODE);
}

/** write(2) until everything is written. `position` null appends at the descriptor's offset. */
export function writeAll(fd: number, bytes: Uint8Array, position: number | null = null): void {
  let done = 0;
  while (done < bytes.length) {
    done += writeSync(fd, bytes, done, bytes.length - done, position === null ? null : position + done);
  }
}

/** pread(2) until `target` is full or the file ends; returns the bytes read. The descriptor's offset does not move. */
export function readFully(fd: number, target: Uint8Array, position: number): number {
  let done = 0;
  while (done < target.length) {
    const count = readSync(fd, target, done, target.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** The whole of a private file; undefined when it is absent. Links are not followed. */
export function readPrivateFile(path: string): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
  try {
    const parts: Buffer[] = [];
    for (let position = 0; ;) {
      const part = Buffer.allocUnsafe(1 << 20);
      const count = readFully(fd, part, position);
      parts.push(part.subarray(0, count));
      position += count;
      if (count < part.length) return parts.length === 1 ? parts[0]! : Buffer.concat(parts, position);
    }
  } finally {
    closeSync(fd);
  }
}

/** fsync(2) of a directory: names made, renamed and removed in it survive a power cut. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export interface AtomicWriteOptions {
  /** Survives a power cut when the call returns: file, then rename, then directory. Default false. */
  readonly durable?: boolean;
  /** Default 0600. */
  readonly mode?: number;
}

let temporaryCounter = 0;

/** A name in `directory` that no other process and no other call of this one uses. */
export function temporaryName(directory: string, stem: string): string {
  return join(directory, `.${stem}.${process.pid}.${++temporaryCounter}.tmp`);
}

/** Replaces `path` with a file holding `bytes` (or the chunks); readers see the old file or the new one. */
export function writeFileAtomic(
  path: string,
  bytes: Uint8Array | Iterable<Uint8Array>,
  options: AtomicWriteOptions = {},
): void {
  const temporary = temporaryName(dirname(path), basename(path));
  const fd = openNew(temporary, constants.O_WRONLY, options.mode ?? FILE_MODE);
  try {
    try {
      for (const chunk of bytes instanceof Uint8Array ? [bytes] : bytes) writeAll(fd, chunk);
      if (options.durable) fdatasyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    unlinkIfPresent(temporary);
    throw error;
  }
  if (options.durable) syncDirectory(dirname(path));
}

/**
 * Opens a file that must not exist, with exactly `mode`. A left-over of a dead process that had our process id may have
 * the name of a temporary file: for those use `temporaryName`, whose left-overs this replaces.
 */
export function openNew(path: string, access: number, mode = FILE_MODE): number {
  const flags = access | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  let fd: number;
  try {
    fd = openSync(path, flags, mode);
  } catch (error) {
    if (!isErrno(error, "EEXIST") || !path.endsWith(".tmp")) throw error;
    unlinkIfPresent(path);
    fd = openSync(path, flags, mode);
  }
  fchmodSync(fd, mode);
  return fd;
}

export function unlinkIfPresent(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

/** Names in a directory, none when it is not there. */
export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

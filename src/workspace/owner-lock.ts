/**
 * The lock that makes a process the only writer of something (vriftd of its home, vdir_d of its project), held for life: the kernel
 * drops it however the process ends. The file says who holds it, for whoever has to end a frozen holder.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { isErrno, makeDirectory } from "../platform/files.js";
import { native } from "../platform/native.js";

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

export interface OwnerLock {
  /** For a successor, which inherits the descriptor and with it the lock. */
  readonly fd: number;
  /** False when the file was removed or replaced: what it guards is gone, or somebody else may own it. */
  stands(): boolean;
  /** Writes that we are the holder: a successor does when it begins, not while the process before still works. */
  sign(): void;
  /** Takes our name out, so that who looks afterwards knows that we ended in order, and gives the lock up; once. */
  release(): void;
  /** Leaves it to a successor, which has signed. */
  leave(): void;
}

/** undefined when somebody else has it. The file stays: removing it would let two processes lock two files. */
export function takeOwnerLock(path: string): OwnerLock | undefined {
  makeDirectory(dirname(path));
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  let lock: OwnerLock | undefined;
  try {
    fchmodSync(fd, 0o600);
    if (!native.flock(fd, LOCK_EX | LOCK_NB)) return undefined;
    const taken = inheritOwnerLock(path, fd);
    taken.sign();
    lock = taken;
    return lock;
  } finally {
    // Also when it could not be signed: open, it would keep everybody else out for as long as this process lives.
    if (lock === undefined) closeSync(fd);
  }
}

/** A descriptor that carries the lock already; it is not signed. */
export function inheritOwnerLock(path: string, fd: number): OwnerLock {
  const { ino } = fstatSync(fd, { bigint: true });
  let held = true;
  const close = (): void => {
    held = false;
    closeSync(fd);
  };
  return {
    fd,
    stands: () => lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino === ino,
    sign: () => {
      ftruncateSync(fd);
      writeSync(fd, `${process.pid}\n`, 0);
    },
    release: () => {
      if (!held) return;
      try {
        ftruncateSync(fd);
      } finally {
        close();
      }
    },
    leave: () => {
      if (held) close();
    },
  };
}

/** Process id of the holder; undefined when nobody holds the lock, or who does has not signed. */
export function ownerOf(path: string): number | undefined {
  return reading(path, (fd) =>
    // Shared: two who ask at the same time do not take each other for the holder.
    native.flock(fd, LOCK_SH | LOCK_NB) ? undefined : pidIn(fd),
  );
}

/** Whether anybody holds the lock, signed or not. */
export function isOwned(path: string): boolean {
  return reading(path, (fd) => !native.flock(fd, LOCK_SH | LOCK_NB)) ?? false;
}

/** Whose name stands in the file: the holder's, or that of one who died. undefined after one who ended in order. */
export function signatureOf(path: string): number | undefined {
  return reading(path, pidIn);
}

function reading<T>(path: string, read: (fd: number) => T): T | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
  try {
    return read(fd);
  } finally {
    closeSync(fd);
  }
}

function pidIn(fd: number): number | undefined {
  const pid = Number(readFileSync(fd, "latin1").trim());
  return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
}

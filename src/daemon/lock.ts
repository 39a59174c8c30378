/** The lock that makes a process the daemon of its home, held for life: the kernel drops it however the process ends. */
import { closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { makeDirectory } from "../platform/files.js";
import { native } from "../platform/native.js";

const LOCK_EX = 2;
const LOCK_NB = 4;

export interface DaemonLock {
  /** False when the file was removed or replaced: the home is gone, or somebody else may be its daemon. */
  stands(): boolean;
  release(): void;
}

/** undefined when somebody else is the daemon. The file stays: removing it would let two processes lock two files. */
export function takeDaemonLock(path: string): DaemonLock | undefined {
  makeDirectory(dirname(path));
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  fchmodSync(fd, 0o600);
  if (!native.flock(fd, LOCK_EX | LOCK_NB)) {
    closeSync(fd);
    return undefined;
  }
  const { ino } = fstatSync(fd, { bigint: true });
  return {
    stands: () => lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino === ino,
    release: () => closeSync(fd),
  };
}

/**
 * A new inode nobody else knows: without a name where the file system can (a kill leaves nothing), else a temporary name
 * in the same directory. It is filled, then published with linkat under its real name: complete or not at all.
 */
import { closeSync, constants, fchmodSync, linkSync, openSync } from "node:fs";
import { FILE_MODE, O_TMPFILE, isErrno, openNew, temporaryName, unlinkIfPresent } from "../platform/files.js";
import { native } from "../platform/native.js";

export interface PrivateFile {
  /** Open for reading and writing, mode 0600 whatever the umask. */
  readonly fd: number;
  /** Names it as well; EEXIST when something is there. */
  publish(to: string): void;
  /** Closes, and forgets what was not published. */
  close(): void;
}

const LOCK_EX = 2;

/**
 * @param near directory of the name it will have, of the same file system. There it gets its inode and its blocks, when it can be made
 *   without a name: beside its neighbours, and not all in the one group of `directory`, where ext4 looks for each new inode behind all
 *   that were deleted lately (see docs/store.md, "Measured").
 */
export function createPrivateFile(directory: string, stem: string, near = directory): PrivateFile {
  return createNear(near) ?? createUnnamed(directory) ?? createNamed(directory, stem);
}

/** undefined also when `near` is not there yet, or not ours to write in. */
function createNear(near: string): PrivateFile | undefined {
  try {
    return createUnnamed(near);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM")) return undefined;
    throw error;
  }
}

function createUnnamed(directory: string): PrivateFile | undefined {
  let fd: number;
  try {
    fd = openSync(directory, O_TMPFILE | constants.O_RDWR, FILE_MODE);
  } catch (error) {
    if (isErrno(error, "EOPNOTSUPP", "ENOTSUP", "EISDIR", "EINVAL")) return undefined;
    throw error;
  }
  fchmodSync(fd, FILE_MODE);
  return {
    fd,
    publish: (to) => {
      native.linkFd(fd, to);
    },
    close: () => {
      closeSync(fd);
    },
  };
}

/** Holds an flock, so that whoever tidies up can tell a dead process's file from one being written. */
export function createNamed(directory: string, stem: string): PrivateFile {
  const name = temporaryName(directory, stem);
  const fd = openNew(name, constants.O_RDWR);
  native.flock(fd, LOCK_EX);
  return {
    fd,
    publish: (to) => {
      linkSync(name, to);
    },
    close: () => {
      closeSync(fd);
      unlinkIfPresent(name);
    },
  };
}

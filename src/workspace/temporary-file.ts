/**
 * The file that ManifestReingest names: somebody wrote it, and hands it over. It must be a regular file of the caller with one
 * name, in the project's staging directory or a temporary directory, that nobody is writing to. Its content goes into the
 * store as a copy: the inode itself was open for writing once and never becomes a blob.
 *
 * The directory is opened first and everything after that goes through its descriptor, so that no link put in its place leads
 * elsewhere. The name is looked at before it is opened: opening a device can do things.
 */
import {
  closeSync,
  constants as fs,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
} from "node:fs";
import type { BigIntStats } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, isAbsolute } from "node:path";
import { VriftError } from "../platform/errors.js";
import { isErrno, unlinkIfPresent } from "../platform/files.js";
import { PATH_MAX } from "../platform/limits.js";
import { native } from "../platform/native.js";
import type { BlobId } from "../store/store.js";
import type { Tree } from "./tree.js";

/** The specification's own example is in it. */
const TEMPORARY = "/tmp";
const O_PATH = 0o10000000;

export interface TemporaryContent extends BlobId {
  /** st_mode & 07777. */
  readonly mode: number;
  readonly mtimeNs: bigint;
  /** Removes the name, if it is still that file's. */
  consume(): void;
  /** Ends the lease on the content; the file stays unless it was consumed. */
  close(): void;
}

/** EINVAL, EACCES, ENOENT for what may not be taken; EBUSY while somebody writes to it, or when it changed while it was read. */
export async function takeTemporary(tree: Tree, path: string, callerUid: number): Promise<TemporaryContent> {
  if (!isAbsolute(path) || path.includes("\0") || path.endsWith("/") || Buffer.byteLength(path) > PATH_MAX)
    throw refused(path, "is not the absolute path of a file");
  const directory = openDirectory(tree, path);
  const lease = tree.store.lease();
  const close = (): void => {
    lease.release();
    closeSync(directory);
  };
  try {
    const at = `/proc/self/fd/${directory}/${basename(path)}`;
    const fd = openFile(at, path, callerUid);
    try {
      const { hash, size, stamp } = await tree.store.importFile(fd, path, "copy", lease);
      const after = fstatSync(fd, { bigint: true });
      assertAlone(fd, after, path);
      const consume = (): void => {
        const now = lstatSync(at, { bigint: true, throwIfNoEntry: false });
        if (now?.ino === after.ino && now.dev === after.dev) unlinkIfPresent(at);
      };
      return { hash, size, mode: Number(after.mode & 0o7777n), mtimeNs: stamp.mtimeNs, consume, close };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    close();
    throw error;
  }
}

function openDirectory(tree: Tree, path: string): number {
  let real: string;
  try {
    real = realpathSync.native(dirname(path));
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) throw new VriftError("ENOENT", `${path} is not there`);
    throw error;
  }
  if (!mayHold(tree, real))
    throw refused(path, "is neither in the project's staging directory nor in a temporary directory");
  const directory = openSync(real, O_PATH | fs.O_DIRECTORY | fs.O_NOFOLLOW);
  if (readlinkSync(`/proc/self/fd/${directory}`) === real) return directory;
  closeSync(directory);
  throw new VriftError("EBUSY", `${dirname(path)} was moved just now`);
}

/** A project, a home or a store may lie in a temporary directory itself; what is in them is not handed over. */
function mayHold({ root, kind, project, paths, store }: Tree, directory: string): boolean {
  if (kind === "phantom" && directory === project.staging) return true;
  const home = dirname(dirname(paths.run));
  const isWithin = (outer: string): boolean => directory === outer || directory.startsWith(`${outer}/`);
  if ([root, realPath(home), realPath(store.path)].some((own) => own !== undefined && isWithin(own)))
    return false;
  return [TEMPORARY, tmpdir()].some((outer) => {
    const real = realPath(outer);
    return real !== undefined && isWithin(real);
  });
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES")) return undefined;
    throw error;
  }
}

function openFile(at: string, path: string, callerUid: number): number {
  const found = lstatSync(at, { bigint: true, throwIfNoEntry: false });
  if (found === undefined) throw new VriftError("ENOENT", `${path} is not there`);
  if (!found.isFile()) throw refused(path, "is not a regular file");
  let fd: number;
  try {
    fd = openSync(at, fs.O_RDONLY | fs.O_NOFOLLOW | fs.O_NONBLOCK);
  } catch (error) {
    // Another name took its place, or somebody has a lease on it.
    if (isErrno(error, "ELOOP", "ENXIO", "EAGAIN", "ENOENT"))
      throw new VriftError("EBUSY", `${path} was changed just now`, { cause: error });
    throw error;
  }
  try {
    const opened = fstatSync(fd, { bigint: true });
    if (!opened.isFile()) throw refused(path, "is not a regular file");
    if (opened.uid !== BigInt(callerUid))
      throw new VriftError("EACCES", `${path} belongs to uid ${opened.uid}, not to ${callerUid}`);
    assertAlone(fd, opened, path);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function assertAlone(fd: number, { nlink }: BigIntStats, path: string): void {
  if (nlink !== 1n) throw refused(path, `has ${nlink} names instead of one`);
  if (native.hasWriter(fd)) throw new VriftError("EBUSY", `${path} is open for writing`);
}

function refused(path: string, why: string): VriftError {
  return new VriftError("EINVAL", `temp_path ${JSON.stringify(path.slice(0, 200))} ${why}`);
}

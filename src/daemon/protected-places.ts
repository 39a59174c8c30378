/**
 * Where Protect reaches: regular files of the home's workspaces, and blobs of the store. A path is opened below the root of its place, so
 * that no component, however it is replaced meanwhile, leads out of it; what is held open is what was looked at.
 */
import { closeSync, constants, fstatSync, openSync, readlinkSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { native } from "../platform/native.js";
import { PROJECT_DIR } from "../platform/paths.js";
import { pathToKey } from "../protocol/key.js";
import { isBlobName } from "../store/blob-names.js";

export interface ProtectedFile {
  /** Absolute. */
  readonly path: string;
  readonly fd: number;
  readonly stat: BigIntStats;
}

export interface Places {
  readonly store: string;
  /** Real paths of the workspaces' roots. */
  readonly workspaces: readonly string[];
}

/**
 * Open for reading; the caller closes it.
 * @param path absolute, or relative to `base`.
 * @throws VriftError EINVAL, EACCES for what is no place of ours, EPERM for another user's file, ENOENT, ELOOP, EISDIR, EXDEV.
 */
export function openProtected(path: string, base: string | undefined, places: Places): ProtectedFile {
  const { root, key } = locate(path, base, places);
  const fd = openBelow(root, key);
  try {
    const stat = fstatSync(fd, { bigint: true });
    assertProtectable(`${root}/${key}`, stat, root === places.store);
    return { path: `${root}/${key}`, fd, stat };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function locate(
  path: string,
  base: string | undefined,
  { store, workspaces }: Places,
): { root: string; key: string } {
  const isAbsolute = path.startsWith("/");
  if (!isAbsolute && base === undefined)
    throw new VriftError("EINVAL", "the connection has no workspace that the path could be relative to");
  // The innermost: a workspace may lie in another one, and a store in a workspace.
  const inside = (root: string): boolean => path === root || path.startsWith(`${root}/`);
  const root = isAbsolute
    ? [store, ...workspaces].filter(inside).sort((a, b) => b.length - a.length)[0]
    : base!;
  if (root === undefined)
    throw new VriftError(
      "EACCES",
      `${JSON.stringify(path.slice(0, 200))} is in no workspace and not in the store`,
    );
  const key = pathToKey(root, path);
  if (key === "") throw new VriftError("EISDIR", `${root} is a directory`);
  const [first, , name, ...more] = key.split("/");
  const isOurs =
    root === store
      ? first === "blake3" && isBlobName(name ?? "") && more.length === 0
      : first !== PROJECT_DIR;
  if (!isOurs) throw new VriftError("EACCES", `${root}/${key} is vrift's own`);
  return { root, key };
}

function openBelow(root: string, key: string): number {
  const directory = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  let found: number | undefined;
  try {
    // Above it there may be directories of others.
    if (readlinkSync(`/proc/self/fd/${directory}`) !== root)
      throw new VriftError("EACCES", `${root} leads somewhere else by now`);
    found = native.openBeneath(directory, key);
    const stat = fstatSync(found);
    if (stat.isSymbolicLink()) throw new VriftError("ELOOP", `${root}/${key} is a symbolic link`);
    if (stat.isDirectory()) throw new VriftError("EISDIR", `${root}/${key} is a directory`);
    if (!stat.isFile()) throw new VriftError("EINVAL", `${root}/${key} is no regular file`);
    return openSync(`/proc/self/fd/${found}`, constants.O_RDONLY);
  } catch (error) {
    if (isErrno(error, "EXDEV"))
      throw new VriftError("EXDEV", `${root}/${key} leads out of ${root}`, { cause: error });
    if (isErrno(error, "ENOENT"))
      throw new VriftError("ENOENT", `${root}/${key} is no file; what only the manifest has is a blob of the store`, { cause: error }); // prettier-ignore
    throw error;
  } finally {
    closeSync(directory);
    if (found !== undefined) closeSync(found);
  }
}

/** A second name of the file may be anywhere, and be its protected one too. Those of a blob are links that vrift made. */
function assertProtectable(path: string, stat: BigIntStats, isBlob: boolean): void {
  const ours = process.getuid!();
  if (ours !== 0 && stat.uid !== BigInt(ours))
    throw new VriftError("EPERM", `${path} belongs to uid ${stat.uid}, not to ${ours}`);
  if (!isBlob && stat.nlink > 1n)
    throw new VriftError("EACCES", `${path} has ${stat.nlink} names, and one may be elsewhere`);
}

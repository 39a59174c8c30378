/** What the kernel says of one name: the facts of a scan record, from lstat. */
import { lstatSync, realpathSync } from "node:fs";
import { isErrno } from "../platform/files.js";
import type { ScanEntry } from "../platform/scan.js";

export type PhysicalName = Omit<ScanEntry, "key" | "validUtf8" | "rawKey" | "xattr" | "errno">;

/** `undefined` when there is no such name. */
export function lookPhysical(path: string): PhysicalName | undefined {
  let stat;
  try {
    stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (isErrno(error, "ENOTDIR", "ELOOP")) return undefined;
    throw error;
  }
  if (stat === undefined) return undefined;
  return {
    type: stat.isFile() ? "file" : stat.isDirectory() ? "dir" : stat.isSymbolicLink() ? "symlink" : "special",
    mode: Number(stat.mode & 0o7777n),
    size: stat.size,
    mtimeNs: stat.mtimeNs,
    ctimeNs: stat.ctimeNs,
    ino: stat.ino,
    dev: stat.dev,
    nlink: Number(stat.nlink),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    blocks: Number(stat.blocks),
  };
}

/** Access and modification time of a name, not through links; `undefined` when there is none. */
export function lookTimes(path: string): { readonly atimeNs: bigint; readonly mtimeNs: bigint } | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

/**
 * Absolute path of a key when every directory above it is a real one; `undefined` when one is a link, a file or absent.
 * Without this a key below a symbolic link would reach outside the root.
 */
export function physicalPath(root: string, key: string): string | undefined {
  if (key === "") return root;
  const slash = key.lastIndexOf("/");
  if (slash < 0) return `${root}/${key}`;
  const parent = `${root}/${key.slice(0, slash)}`;
  try {
    return realpathSync.native(parent) === parent ? `${root}/${key}` : undefined;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
    throw error;
  }
}

/** lookPhysical of a key, not through links. */
export function lookAtKey(root: string, key: string): PhysicalName | undefined {
  const path = physicalPath(root, key);
  return path === undefined ? undefined : lookPhysical(path);
}

export function parentKey(key: string): string {
  const slash = key.lastIndexOf("/");
  return slash < 0 ? "" : key.slice(0, slash);
}

export function nameOf(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}

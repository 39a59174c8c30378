/** Directories keep their times although names come and go in them. */
import { dirname, join } from "node:path";
import { isErrno } from "../platform/files.js";
import { native } from "../platform/native.js";
import { statFile } from "./stat-file.js";

export interface RecordedDirectory {
  /** "" is the root. */
  readonly key: string;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
}

/** The directory of a key, "" for a name in the root. */
export function parentKey(key: string): string {
  return key.includes("/") ? dirname(key) : "";
}

/** The times, as they are now, of every directory in which one of the keys is. Missing ones are left out. */
export function recordDirectoriesOf(root: string, keys: Iterable<string>): RecordedDirectory[] {
  const recorded: RecordedDirectory[] = [];
  for (const key of new Set([...keys].map(parentKey))) {
    const directory = recordDirectory(root, key);
    if (directory) recorded.push(directory);
  }
  return recorded;
}

export function recordDirectory(root: string, key: string): RecordedDirectory | undefined {
  const stat = statFile(join(root, key));
  return stat?.isDirectory() ? { key, atimeNs: stat.atimeNs, mtimeNs: stat.mtimeNs } : undefined;
}

/**
 * Sets them back, deepest first. `unless` is asked with the time a directory has now. One that is gone, or is not ours to
 * change, is left.
 */
export function restoreDirectories(
  root: string,
  directories: readonly RecordedDirectory[],
  unless: (mtimeNs: bigint) => boolean = () => false,
): void {
  for (const { key, atimeNs, mtimeNs } of [...directories].sort((a, b) => depth(b.key) - depth(a.key))) {
    const path = join(root, key);
    const stat = statFile(path);
    if (!stat?.isDirectory() || stat.mtimeNs === mtimeNs || unless(stat.mtimeNs)) continue;
    try {
      native.setTimes(path, atimeNs, mtimeNs);
    } catch (error) {
      if (!isErrno(error, "ENOENT", "ENOTDIR", "EPERM", "EACCES")) throw error;
    }
  }
}

function depth(key: string): number {
  return key === "" ? 0 : key.split("/").length;
}

/** Directories keep their times and modes although names come and go in them. */
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../platform/files.js";
import { native } from "../platform/native.js";
import { parentKey } from "./physical.js";
import { permissions, statFile } from "./stat-file.js";

export interface RecordedDirectory {
  /** "" is the root. */
  readonly key: string;
  /** st_mode & 07777. */
  readonly mode: number;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
}

const OWNER_ALL = 0o700;

/** Every directory in which one of the keys is, as it is now. Missing ones are left out. */
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
  if (!stat?.isDirectory()) return undefined;
  return { key, mode: permissions(stat), atimeNs: stat.atimeNs, mtimeNs: stat.mtimeNs };
}

/** Lets their owner make names in them until `restoreDirectories`. */
export function openDirectories(root: string, directories: readonly RecordedDirectory[]): void {
  for (const { key, mode } of [...directories].sort((a, b) => depth(a.key) - depth(b.key))) {
    if ((mode & OWNER_ALL) !== OWNER_ALL) changeOurs(() => chmodSync(join(root, key), mode | OWNER_ALL));
  }
}

/**
 * Sets times and modes back, deepest first. `unless` is asked with the time a directory has now. One that is gone, or is
 * not ours to change, is left; so is a mode that somebody else has changed.
 */
export function restoreDirectories(
  root: string,
  directories: readonly RecordedDirectory[],
  unless: (mtimeNs: bigint) => boolean = () => false,
): void {
  for (const { key, mode, atimeNs, mtimeNs } of [...directories].sort(
    (a, b) => depth(b.key) - depth(a.key),
  )) {
    const path = join(root, key);
    const stat = statFile(path);
    if (!stat?.isDirectory()) continue;
    changeOurs(() => {
      if (stat.mtimeNs !== mtimeNs && !unless(stat.mtimeNs)) native.setTimes(path, atimeNs, mtimeNs);
      const now = permissions(stat);
      if (now !== mode && now === (mode | OWNER_ALL)) chmodSync(path, mode);
    });
  }
}

function changeOurs(change: () => void): void {
  try {
    change();
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "EPERM", "EACCES")) throw error;
  }
}

function depth(key: string): number {
  return key === "" ? 0 : key.split("/").length;
}

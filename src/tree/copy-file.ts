/** Copies one physical name, exactly, whatever it is. It appears complete or not at all. */
import { execFileSync } from "node:child_process";
import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  lchownSync,
  linkSync,
} from "node:fs";
import { openSync, readlinkSync, renameSync, symlinkSync } from "node:fs";
import { VriftError } from "../platform/errors.js";
import { isErrno, unlinkIfPresent } from "../platform/files.js";
import { native } from "../platform/native.js";
import type { ScanEntry } from "../platform/scan.js";
import { stagingName } from "../workspace/staging-name.js";
import { permissions, statFile } from "../workspace/stat-file.js";

/** `same`: the destination had it already. `gone`: the source has it no more. `skipped`: a socket, a device. */
export type Copied = "copied" | "same" | "gone" | "skipped";

export interface CopyPaths {
  readonly from: Buffer;
  readonly to: Buffer;
  /** On the file system of `to`. */
  readonly staging: string;
}

/** Regular files, symbolic links, FIFOs. What is at `to` is replaced unless it is the same already. */
export function copyName(entry: ScanEntry, { from, to, staging }: CopyPaths): Copied {
  if (entry.type === "dir") throw new VriftError("EISDIR", `${entry.key} is a directory`);
  const there = statFile(to);
  if (there && isSame(there, entry)) return "same";
  const temporary = stagingName(staging);
  try {
    const copied = entry.type === "symlink" ? copyLink(from, temporary) : copyContent(entry, from, temporary);
    if (copied === "copied") renameSync(temporary, to);
    return copied;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ELOOP") && !statFile(from)) return "gone";
    throw error;
  } finally {
    unlinkIfPresent(temporary);
  }
}

/** A further name of a file that was copied before. */
export function linkName(first: Buffer, to: Buffer, staging: string): Copied {
  const there = statFile(to);
  if (there && there.ino === statFile(first)?.ino) return "same";
  const temporary = stagingName(staging);
  try {
    linkSync(first, temporary);
    renameSync(temporary, to);
    return "copied";
  } finally {
    unlinkIfPresent(temporary);
  }
}

/** Good enough for going on with an interrupted clone, whose files appeared complete: as rsync and make judge. */
function isSame(there: BigIntStats, entry: ScanEntry): boolean {
  return (
    (entry.type === "file"
      ? there.isFile()
      : entry.type === "symlink"
        ? there.isSymbolicLink()
        : there.isFIFO()) &&
    there.mtimeNs === entry.mtimeNs &&
    permissions(there) === entry.mode &&
    (entry.type !== "file" || there.size === entry.size)
  );
}

function copyLink(from: Buffer, temporary: string): Copied {
  const stat = statFile(from);
  if (!stat?.isSymbolicLink()) return "gone";
  symlinkSync(readlinkSync(from, "buffer"), temporary);
  finish(stat, temporary);
  return "copied";
}

function copyContent(entry: ScanEntry, from: Buffer, temporary: string): Copied {
  const fd = openSync(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd, { bigint: true });
    if (stat.isFIFO()) execFileSync("mkfifo", [temporary]);
    else if (!stat.isFile()) return "skipped";
    else if (entry.xattr) copyWithAttributes(fd, temporary);
    else copyFileSync(`/proc/self/fd/${fd}`, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    finish(stat, temporary);
    return "copied";
  } catch (error) {
    if (isErrno(error, "ENXIO", "ENODEV")) return "skipped"; // a socket, a device without a driver
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Extended attributes and ACLs are rare, and cp knows them. */
function copyWithAttributes(fd: number, temporary: string): void {
  const open = `/proc/${process.pid}/fd/${fd}`;
  execFileSync("cp", ["--dereference", "--preserve=all", "--reflink=auto", "--", open, temporary]);
}

/** Owner, mode, times, in the order in which none undoes another. */
function finish(stat: BigIntStats, path: string): void {
  copyOwner(stat, path);
  if (!stat.isSymbolicLink()) chmodSync(path, permissions(stat));
  native.setTimes(path, stat.atimeNs, stat.mtimeNs);
}

/** Only root can give files away; for everybody else the copy is theirs, as with cp. */
export function copyOwner(stat: BigIntStats, path: string | Buffer): void {
  if (process.getuid?.() === 0) lchownSync(path, Number(stat.uid), Number(stat.gid));
}

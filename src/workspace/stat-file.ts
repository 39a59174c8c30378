/** lstat with nanoseconds, as a value: tree procedures meet names that come and go. */
import { type BigIntStats, lstatSync } from "node:fs";
import { isErrno } from "../platform/files.js";

/** undefined when nothing is there (or something above it is not a directory). */
export function statFile(path: string | Buffer): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** st_mode & 07777. */
export function permissions(stat: BigIntStats): number {
  return Number(stat.mode) & 0o7777;
}

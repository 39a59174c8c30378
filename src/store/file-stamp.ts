/** Did a file change while it was read? Size, times and inode before and after, as git and every build tool judge it. */
import { type BigIntStats, fstatSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { VriftError } from "../platform/errors.js";
import type { FileStamp } from "./store.js";

/**
 * A change within one tick of the kernel's clock (4 ms at CONFIG_HZ=250, 10 ms at 100) does not move a time stamp: a
 * stamp younger than this when reading starts says nothing about what happens while it is read.
 */
const RACY_MS = 20;

/** The stamp of an open regular file, once it is old enough to show a change. EINVAL for anything but a regular file. */
export async function settledStamp(fd: number, path: string): Promise<FileStamp> {
  const first = fstatSync(fd, { bigint: true });
  if (!first.isFile()) throw new VriftError("EINVAL", `${path} is not a regular file`);
  const youngest = first.ctimeNs > first.mtimeNs ? first.ctimeNs : first.mtimeNs;
  const age = Date.now() - Number(youngest / 1_000_000n);
  if (age < 0 || age >= RACY_MS) return stampOf(first);
  await sleep(RACY_MS - age);
  return stampOf(fstatSync(fd, { bigint: true }));
}

export function stampOf(stat: BigIntStats): FileStamp {
  return { size: stat.size, mtimeNs: stat.mtimeNs, ctimeNs: stat.ctimeNs, ino: stat.ino, dev: stat.dev };
}

/** EBUSY when the file is no longer what it was. */
export function assertUnchanged(fd: number, before: FileStamp, path: string): void {
  const now = stampOf(fstatSync(fd, { bigint: true }));
  if (now.size !== before.size || now.mtimeNs !== before.mtimeNs || now.ctimeNs !== before.ctimeNs) {
    throw changedWhileRead(path);
  }
}

export function changedWhileRead(path: string, cause?: unknown): VriftError {
  return new VriftError("EBUSY", `${path} changed while it was read`, { cause });
}

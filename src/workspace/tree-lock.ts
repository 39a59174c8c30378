/**
 * One tree procedure at a time on a workspace: an flock for the life of the process at most. A commit's batch shares it with other
 * looks: while files are moved none is taken, and while one is taken none is moved.
 */
import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { native } from "../platform/native.js";
import type { WorkspaceInfo } from "./workspace.js";

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;
const LOCK_FILE = "tree.lock";
/** Until another command is believed to have it: who only looks whether it is free holds it for a moment. */
const LOOKS_MS = 200;
/** A batch of a commit is 64 files at most, but its thread has the lowest priority. */
const BATCH_MS = 30_000;

/** Runs `work` under the lock of the workspace, after the batch that a commit is taking. EBUSY when another command has it. */
export async function withTreeLock<T>(
  workspace: Pick<WorkspaceInfo, "run" | "root">,
  work: () => Promise<T>,
): Promise<T> {
  const fd = openLock(workspace.run);
  try {
    if (!(await takeAlone(fd)))
      throw new VriftError("EBUSY", `another vrift command is moving files of ${workspace.root}`);
    return await work();
  } finally {
    closeSync(fd);
  }
}

async function takeAlone(fd: number): Promise<boolean> {
  const begun = Date.now();
  while (!native.flock(fd, LOCK_EX | LOCK_NB)) {
    const isShared = native.flock(fd, LOCK_SH | LOCK_NB);
    if (isShared) native.flock(fd, LOCK_UN);
    if (Date.now() - begun > (isShared ? BATCH_MS : LOOKS_MS)) return false;
    await wait(5);
  }
  return true;
}

/** Runs `work` while no command moves files; undefined, and nothing done, when one does. */
export async function betweenMoves<T>(run: string, work: () => Promise<T>): Promise<T | undefined> {
  const fd = openLock(run);
  try {
    return native.flock(fd, LOCK_SH | LOCK_NB) ? await work() : undefined;
  } finally {
    closeSync(fd);
  }
}

function openLock(run: string): number {
  return openSync(join(run, LOCK_FILE), constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
}

/** Whether a command has it in this moment. @param run directory of the workspace. */
export function isTreeLocked(run: string): boolean {
  let fd: number;
  try {
    fd = openSync(join(run, LOCK_FILE), constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
  try {
    return !native.flock(fd, LOCK_SH | LOCK_NB);
  } finally {
    closeSync(fd);
  }
}

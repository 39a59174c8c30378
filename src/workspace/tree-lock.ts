/** One tree procedure at a time on a workspace: an flock for the life of the process at most. */
import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { native } from "../platform/native.js";
import type { WorkspaceInfo } from "./workspace.js";

const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_SH = 1;
const LOCK_FILE = "tree.lock";
const LOOKS_MS = 200;

/** Runs `work` under the lock of the workspace. EBUSY when another command has it. */
export async function withTreeLock<T>(
  workspace: Pick<WorkspaceInfo, "run" | "root">,
  work: () => Promise<T>,
): Promise<T> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
  const fd = openSync(join(workspace.run, LOCK_FILE), flags, 0o600);
  try {
    // Who only looks whether it is free holds it for a moment.
    for (const deadline = Date.now() + LOOKS_MS; !native.flock(fd, LOCK_EX | LOCK_NB); await wait(5))
      if (Date.now() > deadline)
        throw new VriftError("EBUSY", `another vrift command is moving files of ${workspace.root}`);
    return await work();
  } finally {
    closeSync(fd);
  }
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

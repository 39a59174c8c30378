/** What the kernel says of a process, for whoever has to decide whether it is dead, busy or frozen. */
import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { isErrno } from "./files.js";

const POLL_MS = 5;

export interface ProcessState {
  /** The 15 bytes of prctl(PR_SET_NAME). */
  readonly name: string;
  /** R, S, D, T, Z… of proc(5). */
  readonly state: string;
  /** starttime of proc(5), ticks since boot: tells it from another process of that number. */
  readonly startTime: string;
}

/**
 * undefined when there is no such process, or only its exit code is left. A first thread that has ended (Z) beside others that
 * are still ending is a process yet: they share its descriptors, and a listening socket among them accepts connections.
 */
export function processState(pid: number): ProcessState | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
  // The name is in parentheses and may hold some. Behind it: state is the first field, starttime the twentieth.
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  const state = fields[0]!;
  const ended = state === "X" || (state === "Z" && threads(pid) <= 1);
  return ended ? undefined : { name: text.slice(text.indexOf("(") + 1, end), state, startTime: fields[19]! };
}

function threads(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH")) return 0;
    throw error;
  }
}

/** SIGKILL, and waits until the process is gone; a process of another name under that number is left alone. */
export async function killNamed(pid: number, name: string): Promise<void> {
  while (processState(pid)?.name === name) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if (!isErrno(error, "ESRCH")) throw error;
    }
    await wait(POLL_MS);
  }
}

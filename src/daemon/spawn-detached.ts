/** Starts a daemon: in a session of its own, with a log for what it says before it has one, and nothing else of ours. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { isErrno, makeDirectory } from "../platform/files.js";

export interface DetachedOptions {
  readonly log: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Descriptors it gets as 4 and up; 3 is the channel to it. */
  readonly inherit?: readonly number[];
}

export interface Detached {
  readonly child: ChildProcess;
  /** Exit code once it has ended; 127 when it could not be started, over 128 when it was killed. */
  exit(): number | undefined;
}

/** @param entry name of a script in this directory. */
export function spawnDetached(entry: string, args: readonly string[], options: DetachedOptions): Detached {
  makeDirectory(dirname(options.log));
  const log = openSync(options.log, "a", 0o600);
  const script = fileURLToPath(new URL(entry, import.meta.url));
  const child = spawn(process.execPath, [script, ...args], {
    cwd: "/",
    detached: true,
    stdio: ["ignore", log, log, ...(options.inherit ? (["ipc", ...options.inherit] as const) : [])],
    env: options.env ?? process.env,
  });
  closeSync(log);
  let exit: number | undefined;
  child.on("error", () => (exit = 127));
  child.on("exit", (code, signal) => (exit = code ?? 128 + constants.signals[signal!]));
  child.unref();
  return { child, exit: () => exit };
}

/** The last thing a daemon said, for an error message. */
export function lastLine(file: string): string {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n").at(-1) ?? "";
  } catch (error) {
    if (isErrno(error, "ENOENT")) return "";
    throw error;
  }
}

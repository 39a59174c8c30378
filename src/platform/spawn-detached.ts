/** Starts a daemon: in a session of its own, with a log for what it says before it has one, and nothing else of ours. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { isErrno, makeDirectory } from "./files.js";
import type { Home } from "./paths.js";
import { workspacePaths } from "./paths.js";

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

/**
 * MiB of each half of V8's young generation. By default it grows to 16 and stays so, in each process; what daemons allocate is
 * mostly dead before the next collection, so that small ones cost no more.
 */
const YOUNG_HALF_MIB = 4;

/** @param entry `main.js` (vriftd) or `vdir-main.js`. @param args its arguments. */
export function spawnDetached(entry: string, args: readonly string[], options: DetachedOptions): Detached {
  makeDirectory(dirname(options.log));
  const log = openSync(options.log, "a", 0o600);
  const script = fileURLToPath(new URL(`../daemon/${entry}`, import.meta.url));
  const child = spawn(process.execPath, [`--max-semi-space-size=${YOUNG_HALF_MIB}`, script, ...args], {
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

/** Starts the vdir_d of a workspace. @param root real path. @param env of the process, besides what names the home. */
export function spawnProject(home: Home, root: string, id: string, env: NodeJS.ProcessEnv): Detached {
  return spawnDetached("vdir-main.js", [root, id], {
    log: workspacePaths(home, id).log,
    env: { ...env, VRIFT_HOME: home.root, VR_THE_SOURCE: home.source },
  });
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

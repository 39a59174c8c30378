/** Starts a daemon: in a session of its own, with a log for what it says before it has one, and nothing else of ours. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { VriftError } from "./errors.js";
import { isErrno, makeDirectory } from "./files.js";
import type { Home } from "./paths.js";
import { workspacePaths } from "./paths.js";

export interface DetachedOptions {
  readonly log: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Descriptors it gets as 4 and up; 3 is the channel to it. */
  readonly inherit?: readonly number[];
  /** Its standard error is ours instead of the log. */
  readonly sameStderr?: boolean;
}

export interface Detached {
  readonly child: ChildProcess;
  /** Exit code once it has ended; 127 when it could not be started, over 128 when it was killed. */
  exit(): number | undefined;
  /**
   * VRIFT_NO_DAEMON with the last thing that was said in its log since it was started.
   * @param what a sentence about what has gone wrong with it.
   */
  failure(what: string, cause?: unknown): VriftError;
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
    stdio: [
      "ignore",
      log,
      options.sameStderr ? "inherit" : log,
      ...(options.inherit ? (["ipc", ...options.inherit] as const) : []),
    ],
    env: options.env ?? process.env,
  });
  const before = fstatSync(log).size;
  closeSync(log);
  let exit: number | undefined;
  child.on("error", () => (exit = 127));
  child.on("exit", (code, signal) => (exit = code ?? 128 + constants.signals[signal!]));
  child.unref();
  const failure = (what: string, cause?: unknown): VriftError => {
    const last = lastLine(options.log, before);
    return new VriftError("VRIFT_NO_DAEMON", last === "" ? what : `${what}; it says: ${last}`, { cause });
  };
  return { child, exit: () => exit, failure };
}

/** Starts the vdir_d of a workspace. @param root real path. @param env of the process, besides what names the home. */
export function spawnProject(home: Home, root: string, id: string, env: NodeJS.ProcessEnv): Detached {
  return spawnDetached("vdir-main.js", [root, id], {
    log: workspacePaths(home, id).log,
    env: { ...env, VRIFT_HOME: home.root, VR_THE_SOURCE: home.source },
  });
}

/** @param from bytes that were there before; all of it counts when it has become shorter (rotated). */
function lastLine(file: string, from: number): string {
  try {
    const bytes = readFileSync(file);
    const said = bytes.subarray(from > bytes.length ? 0 : from).toString("utf8");
    return said.trimEnd().split("\n").at(-1) ?? "";
  } catch (error) {
    if (isErrno(error, "ENOENT")) return "";
    throw error;
  }
}

/**
 * Spawn: programs started for clients of the daemon's own user. No shell, the environment and the directory of the request and nothing else, a session and
 * process group of its own, nothing on standard input, output into a log of its own under `log/children/`.
 *
 * They are the user's, not the daemon's: they go on when it stops, hands over, or is killed. While it lives it reaps them; after that
 * init does.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, constants, renameSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { VriftError } from "../platform/errors.js";
import { makeDirectory, namesIn, openNew, unlinkIfPresent } from "../platform/files.js";
import { CHILDREN_MAX, CHILD_LOGS_KEPT } from "../platform/limits.js";
import type { Log } from "../platform/log.js";
import type { Home } from "../platform/paths.js";
import { childPaths } from "../platform/paths.js";
import type { Request } from "../protocol/messages.js";
import { ChildRecords } from "./child-records.js";
import type { ChildRecord } from "./child-records.js";
import { findProgram } from "./find-program.js";

/** What a program finds that nobody told otherwise; the daemon's own is for private files. */
const CHILD_UMASK = 0o022;

export class Children {
  readonly #logs: string;
  readonly #records: ChildRecords;
  readonly #log: Log;
  /** Being started: not in the records yet. */
  #starting = 0;

  constructor(home: Home, log: Log) {
    const { logs, records } = childPaths(home);
    this.#logs = logs;
    this.#records = new ChildRecords(records);
    this.#log = log;
  }

  /** Those that run, started by this process, by those before it, and by others of the home. */
  list(): ChildRecord[] {
    return this.#records.running();
  }

  /**
   * The process id, when the program has taken over the process.
   * @param uid of whoever asks.
   * @throws VriftError EPERM, EINVAL, EAGAIN, ENOENT, ENOTDIR, EACCES, ENOEXEC, E2BIG.
   */
  async spawn({ command, env, cwd }: Omit<Request<"Spawn">, "type">, uid: number): Promise<number> {
    const ours = process.getuid!();
    if (uid !== ours)
      throw new VriftError("EPERM", `programs are started for user ${ours} only, not for ${uid}`);
    const environment = environmentOf(env);
    assertNoNul([...command, cwd]);
    if (!isAbsolute(cwd))
      throw new VriftError("EINVAL", `cwd ${JSON.stringify(cwd)} is not an absolute path`);
    if (!statSync(cwd).isDirectory()) throw new VriftError("ENOTDIR", `${cwd} is not a directory`);
    const program = findProgram(command[0] ?? "", cwd, environment["PATH"]);
    if (this.list().length + this.#starting >= CHILDREN_MAX)
      throw new VriftError("EAGAIN", `${CHILDREN_MAX} programs are running already`);
    this.#starting++;
    try {
      return await this.#start(program, command, environment, cwd);
    } finally {
      this.#starting--;
    }
  }

  async #start(
    program: string,
    command: readonly string[],
    env: Record<string, string>,
    cwd: string,
  ): Promise<number> {
    makeDirectory(this.#logs);
    this.#forgetLogs();
    const startedMs = Date.now();
    const unnamed = join(this.#logs, `.${randomBytes(6).toString("hex")}.tmp`);
    const output = openNew(unnamed, constants.O_WRONLY | constants.O_APPEND);
    try {
      const child = launch(program, command, env, cwd, output);
      // Rejects with what the kernel said to the exec.
      await once(child, "spawn");
      const pid = child.pid!;
      const log = join(this.#logs, `${startedMs}-${pid}.log`);
      renameSync(unnamed, log);
      this.#records.add({ pid, command, cwd, log, startedMs });
      this.#watch(child, pid);
      this.#log.info("spawned", { child: pid, program, cwd, log });
      return pid;
    } catch (error) {
      unlinkIfPresent(unnamed);
      throw error;
    } finally {
      closeSync(output);
    }
  }

  #watch(child: ChildProcess, pid: number): void {
    child.unref();
    const ended = (): void => {
      this.#records.remove(pid);
      const { exitCode, signalCode } = child;
      this.#log.info("a spawned program has ended", {
        child: pid,
        status: exitCode ?? signalCode ?? "unknown",
      });
    };
    if (child.exitCode !== null || child.signalCode !== null) ended();
    else child.once("exit", ended);
  }

  /** The newest stay, and those of programs that run. */
  #forgetLogs(): void {
    const names = namesIn(this.#logs).filter((name) => /^\d+-\d+\.log$/.test(name)).sort(); // prettier-ignore
    if (names.length < CHILD_LOGS_KEPT) return;
    const inUse = new Set(this.list().map(({ log }) => log));
    for (const name of names.slice(0, names.length - CHILD_LOGS_KEPT + 1)) {
      const log = join(this.#logs, name);
      if (!inUse.has(log)) unlinkIfPresent(log);
    }
  }
}

function launch(
  program: string,
  [argv0, ...args]: readonly string[],
  env: Record<string, string>,
  cwd: string,
  output: number,
): ChildProcess {
  // Every file of ours is made with its mode, whatever the mask; and nothing else runs in between.
  const umask = process.umask(CHILD_UMASK);
  try {
    return spawn(program, args, {
      argv0: argv0!,
      cwd,
      env,
      detached: true,
      stdio: ["ignore", output, output],
    });
  } finally {
    process.umask(umask);
  }
}

/** Of two values for one name the later one holds. */
function environmentOf(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  const environment = Object.create(null) as Record<string, string>;
  for (const [name, value] of pairs) {
    if (name === "" || name.includes("="))
      throw new VriftError("EINVAL", `env has no variable ${JSON.stringify(name)}`);
    assertNoNul([name, value]);
    environment[name] = value;
  }
  return environment;
}

function assertNoNul(texts: readonly string[]): void {
  if (texts.some((text) => text.includes("\0")))
    throw new VriftError("EINVAL", "the command holds a NUL byte");
}

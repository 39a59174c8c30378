/**
 * A project whose owner is a vdir_d: found running or started, watched, and told what only vriftd tells it. Its death shows at
 * once (the line ends), its freezing after ten seconds (docs/processes.md).
 */
import { setTimeout as wait } from "node:timers/promises";
import { connectProjectControl } from "../client/control-client.js";
import type { ProjectControlClient } from "../client/control-client.js";
import { KILLED, startUntilServed } from "../client/start-until-served.js";
import { VriftError } from "../platform/errors.js";
import type { Log } from "../platform/log.js";
import type { Home, WorkspacePaths } from "../platform/paths.js";
import { workspacePaths } from "../platform/paths.js";
import { spawnProject } from "../platform/spawn-detached.js";
import { isOwned, ownerOf, signatureOf } from "../workspace/owner-lock.js";
import type { OpenProject, ProjectPlace } from "../workspace/registry.js";
import type { ResyncReport, WorkspaceInfo } from "../workspace/workspace.js";
import type { ProjectStatus, RunningProcess } from "./control.js";
import { killNamed, processState } from "../platform/process-state.js";

/** What a vdir_d calls itself. */
export const PROJECT_PROCESS = "vdir_d";

/** Until a started process listens; opening the workspace comes after that and takes its time. */
const START_TIMEOUT_MS = 10_000;
const START_POLL_MS = 5;
/** A process that is busy or frozen must not hold up who asks about it, or about others. */
const STATUS_WAIT_MS = 200;
const PING_MS = 2000;
const FROZEN_MS = 10_000;
/** For one that uses the processor all that time: a very large tree, a very slow machine. */
const BUSY_MS = 60_000;
/** Who is asked to end because nobody needs it answers at once, or is not waited for. */
const RETIRE_WAIT_MS = 1000;
/** A reply that came while we were stopped ourselves is read first. */
const SECOND_LOOK_MS = 500;

export class ProjectProcess implements OpenProject {
  readonly #paths: WorkspacePaths;
  readonly #log: Log;
  readonly #line: ProjectControlClient;
  readonly #pulse: ProjectControlClient;
  readonly #answering: Answering;
  readonly #startedMs = Date.now();
  #info: WorkspaceInfo;
  #process: RunningProcess;
  #closing = false;
  #isOpen = true;
  #timer: NodeJS.Timeout | undefined;
  /** Called once when the process has ended, or is another one's business from now on. `died`: not in order, and not asked to. */
  onEnd: (died: boolean) => void = () => undefined;
  /** Whether somebody has needed the project since the last call, without a connection to it. */
  wasUsed: () => boolean = () => false;

  private constructor(paths: WorkspacePaths, log: Log, lines: Lines, opened: Opened) {
    this.#paths = paths;
    this.#log = log;
    this.#line = lines.line;
    this.#pulse = lines.pulse;
    this.#answering = lines.answering;
    this.#info = opened.workspace;
    this.#process = opened.process;
    this.#line.onEnd = this.#pulse.onEnd = () => this.#ended();
  }

  /**
   * Adopts the project's vdir_d or starts one. Resolves when the workspace is open.
   * @throws VriftError as opening does; VRIFT_NO_DAEMON when the process does not start.
   */
  static async open(home: Home, log: Log, { root, id }: ProjectPlace): Promise<ProjectProcess> {
    const paths = workspacePaths(home, id);
    const lines = await connectLines(home, paths, log, root);
    try {
      const opened = await whilePinged(paths, log, lines, () => lines.line.call("info", {}));
      lines.answering.pid = opened.process.pid;
      const project = new ProjectProcess(paths, log, lines, opened);
      project.#pingLater();
      if (!lines.line.usable) project.#ended();
      return project;
    } catch (error) {
      lines.line.close();
      lines.pulse.close();
      throw error;
    }
  }

  get info(): WorkspaceInfo {
    return this.#info;
  }

  get status(): ProjectStatus {
    return { ...this.#info, process: this.#process };
  }

  /** The end of the line is heard of a moment after the lock is free: who asks in between is not told of one that has gone. */
  get isOpen(): boolean {
    if (this.#isOpen && !isOwned(this.#paths.lock)) this.#ended();
    return this.#isOpen;
  }

  /** The project's own socket: the specified protocol. */
  get socket(): string {
    return this.#paths.socket;
  }

  get control(): string {
    return this.#paths.control;
  }

  get livedMs(): number {
    return Date.now() - this.#startedMs;
  }

  /** Facts as they are now; as they were when a ping last came back, when it takes too long. */
  async currentStatus(): Promise<ProjectStatus> {
    const late = new AbortController();
    try {
      await Promise.race([this.#refresh(), wait(STATUS_WAIT_MS, undefined, { signal: late.signal })]);
    } catch {
      // It has ended: what was last known is what there is.
    } finally {
      late.abort();
    }
    return this.status;
  }

  async #refresh(): Promise<void> {
    this.#remember(await this.#pulse.call("ping", { used: this.wasUsed() }));
  }

  /** Ends the process if nobody needs it; true when it has ended. */
  async retire(): Promise<boolean> {
    if (!this.#isOpen) return true;
    const owner = this.#answering.pid;
    const late = new AbortController();
    try {
      const asked = this.#pulse.call("retire", {});
      asked.catch(() => undefined);
      const waited = wait(RETIRE_WAIT_MS, { retired: false }, { signal: late.signal });
      const { retired } = await Promise.race([asked, waited]);
      if (!retired) return false;
    } catch {
      // The line has ended, and so has the process.
    } finally {
      late.abort();
    }
    await this.#gone(owner);
    this.#ended();
    return true;
  }

  #remember({ workspace, process }: { workspace?: WorkspaceInfo; process: RunningProcess }): void {
    if (workspace !== undefined) this.#info = workspace;
    this.#process = process;
  }

  async resync(): Promise<ResyncReport> {
    return (await this.#line.call("sync", { durable: false })).report;
  }

  /** What was changed before is told to programs that start now: solid trees have the marks of it (docs/solid.md). */
  async drain(): Promise<void> {
    if (this.#info.kind === "solid") await this.#line.call("drain", {});
  }

  async found(to: string): Promise<string> {
    return (await this.#line.call("found", { to })).id;
  }

  async readyToSolidify(): Promise<ResyncReport> {
    return (await this.#line.call("readyToSolidify", {})).report;
  }

  async exportTo(path: string | null): Promise<void> {
    await this.#line.call("export", { path });
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#closing = true;
    const owner = this.#answering.pid;
    try {
      await this.#line.call("stop", {});
    } catch (error) {
      this.#log.warn("a project's process did not stop in order", {
        root: this.#info.root,
        reason: String(error),
      });
    }
    await this.#gone(owner);
    this.#ended();
  }

  /** Another process owns the project when it resolves, and whoever wants it opens it again. */
  async handOver(): Promise<void> {
    this.#closing = true;
    try {
      await this.#line.call("handOver", {});
    } finally {
      this.#ended();
    }
  }

  /** Lets it run: a successor of ours adopts it. */
  release(): void {
    this.#closing = true;
    this.#ended();
  }

  async #gone(owner: number | undefined): Promise<void> {
    const deadline = Date.now() + FROZEN_MS;
    const lives = (): boolean => owner !== undefined && processState(owner)?.name === PROJECT_PROCESS;
    while (ownerOf(this.#paths.lock) !== undefined || lives()) {
      if (Date.now() > deadline && owner !== undefined) await killNamed(owner, PROJECT_PROCESS);
      await wait(START_POLL_MS);
    }
  }

  #pingLater(): void {
    this.#timer = setTimeout(() => void this.#ping(), PING_MS);
    this.#timer.unref();
  }

  async #ping(): Promise<void> {
    try {
      this.#remember(await pingOrKill(this.#paths, this.#log, this.#pulse, this.#answering, this.wasUsed()));
    } catch {
      // The line has ended, and `onEnd` has told.
      return;
    }
    if (this.#isOpen) this.#pingLater();
  }

  #ended(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    clearTimeout(this.#timer);
    this.#line.close();
    this.#pulse.close();
    this.onEnd(!this.#closing && this.#hasDied());
  }

  /** One that ends in order takes its name out of its lock; a successor puts its own there. */
  #hasDied(): boolean {
    const signed = signatureOf(this.#paths.lock);
    return signed !== undefined && signed === (this.#answering.pid ?? signed);
  }
}

interface Lines {
  /** For operations that take their time. */
  readonly line: ProjectControlClient;
  /** For pings, which must not wait behind those. */
  readonly pulse: ProjectControlClient;
  readonly answering: Answering;
}

/** Who answers on the lines: during a hand-over the lock may be another's. undefined before the first answer. */
interface Answering {
  pid: number | undefined;
}

interface Opened {
  readonly workspace: WorkspaceInfo;
  readonly process: RunningProcess;
}

async function connectLines(home: Home, paths: WorkspacePaths, log: Log, root: string): Promise<Lines> {
  const pulse = await connectOrStart(home, paths, log, root);
  try {
    return { pulse, line: await connectProjectControl(paths.control), answering: { pid: undefined } };
  } catch (error) {
    pulse.close();
    const gone = error instanceof VriftError && error.code === "ECONNREFUSED";
    throw gone ? new VriftError("ECONNRESET", `the process of ${root} has ended`, { cause: error }) : error;
  }
}

async function connectOrStart(
  home: Home,
  paths: WorkspacePaths,
  log: Log,
  root: string,
): Promise<ProjectControlClient> {
  const running = await connectIfRunning(paths);
  if (running !== undefined) return running;
  return startUntilServed({
    start: () => spawnProject(home, root, paths.id, process.env),
    find: () => connectIfRunning(paths),
    isComing: async () => false,
    failed: (started, code) => {
      // Not at once again: one that something kills over and over would take the processor from the other projects.
      if (code !== undefined && code > KILLED)
        return new VriftError("ECONNRESET", `the process of ${root} was killed while it started`);
      const failure = started.failure(`the process of ${root} does not start`);
      log.error("a project's process does not start", failure, { root, code: code ?? "none" });
      return failure;
    },
    timeoutMs: START_TIMEOUT_MS,
  });
}

/** undefined when nobody listens. */
async function connectIfRunning(paths: WorkspacePaths): Promise<ProjectControlClient | undefined> {
  try {
    return await connectProjectControl(paths.control);
  } catch (error) {
    if (error instanceof VriftError && error.code === "ECONNREFUSED") return undefined;
    // A full queue: nobody accepts. Whoever has the lock is frozen.
    if (!(error instanceof VriftError) || error.code !== "ETIMEDOUT") throw error;
    const owner = ownerOf(paths.lock);
    if (owner !== undefined) await killNamed(owner, PROJECT_PROCESS);
    return undefined;
  }
}

/** What the work resolves to; one that freezes meanwhile is killed, and the work is rejected with its line. */
async function whilePinged<T>(
  paths: WorkspacePaths,
  log: Log,
  { pulse, answering }: Lines,
  work: () => Promise<T>,
): Promise<T> {
  const done = new AbortController();
  const watch = async (): Promise<void> => {
    for (;;) {
      await wait(PING_MS, undefined, { signal: done.signal, ref: false });
      await pingOrKill(paths, log, pulse, answering);
    }
  };
  watch().catch(() => undefined);
  try {
    return await work();
  } finally {
    done.abort();
  }
}

/** The reply to a ping; SIGKILL for a process that gives none. Rejects when the line has ended. */
async function pingOrKill(
  paths: WorkspacePaths,
  log: Log,
  pulse: ProjectControlClient,
  answering: Answering,
  used = false,
): Promise<{ workspace?: WorkspaceInfo; process: RunningProcess }> {
  const begin = Date.now();
  let answered = false;
  const ping = async (): Promise<{ workspace?: WorkspaceInfo; process: RunningProcess }> => {
    try {
      const answer = await pulse.call("ping", { used });
      answering.pid = answer.process.pid;
      return answer;
    } finally {
      answered = true;
    }
  };
  const reply = ping();
  reply.catch(() => undefined);
  const watch = async (): Promise<void> => {
    for (;;) {
      await wait(FROZEN_MS, undefined, { ref: false });
      await wait(SECOND_LOOK_MS, undefined, { ref: false });
      if (answered) return;
      const owner = answering.pid ?? ownerOf(paths.lock);
      const state = owner === undefined ? undefined : processState(owner)?.state;
      if (owner === undefined || (state === "R" && Date.now() - begin < BUSY_MS)) continue;
      log.warn("a frozen process is killed", { pid: owner, state: state ?? "?", id: paths.id });
      await killNamed(owner, PROJECT_PROCESS);
      return;
    }
  };
  void watch().catch((error: unknown) => log.error("watching a process failed", error, { id: paths.id }));
  return reply;
}

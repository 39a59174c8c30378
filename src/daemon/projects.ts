/**
 * Opens projects for vriftd's registry: one vdir_d each, started again when it dies while somebody needs it, at growing
 * distances; and one of them shown in the specification's manifest export.
 */
import { realpathSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { buildId } from "../platform/build.js";
import { VriftError, toVriftError } from "../platform/errors.js";
import type { Log } from "../platform/log.js";
import type { Home } from "../platform/paths.js";
import { SPECIFIED_EXPORT, workspacePaths } from "../platform/paths.js";
import type { IndexAnswers } from "../vdir/shared-index.js";
import { SharedIndex } from "../vdir/shared-index.js";
import type { ProjectPlace } from "../workspace/registry.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";
import { ownerOf } from "../workspace/owner-lock.js";
import { Failures } from "./failures.js";
import { ProjectProcess } from "./project-process.js";
import { ProjectRoom } from "./project-room.js";

/** Between attempts to have again what somebody needs. */
const REOPEN_MS = 1000;
/** One that has lived so long did not die of being started. */
const SETTLED_MS = 10_000;
/** Processes that are killed while one request waits for the project to open. */
const OPEN_ATTEMPTS = 3;

export interface ProjectsOptions {
  readonly home: Home;
  readonly log: Log;
  /** Root of the workspace that the version-1 export shows; undefined: the first one opened. */
  readonly exported: string | undefined;
  /** How many processes may run. */
  readonly max: number;
  /** A project died that somebody needs: it is to be opened again. */
  readonly reopen: (root: string) => Promise<unknown>;
}

/** One connection's hold on a project. */
export interface Binding {
  /** Of the index file. */
  readonly path: string;
  /** One mapping for all connections. */
  readonly index: IndexAnswers;
  /** Something was answered from the index. */
  used(): void;
  end(): void;
}

interface Bound {
  readonly root: string;
  readonly index: SharedIndex;
  connections: number;
  used: boolean;
}

export class Projects {
  readonly #options: ProjectsOptions;
  readonly #failures = new Failures();
  /** Projects that connections are bound to, by their index. */
  readonly #bound = new Map<string, Bound>();
  readonly #room: ProjectRoom;
  readonly #build = buildId();
  #exported: string | undefined;
  #ending = false;
  readonly #stopping = new AbortController();

  constructor(options: ProjectsOptions) {
    this.#options = options;
    this.#room = new ProjectRoom(options.max, options.log);
  }

  async open(place: ProjectPlace): Promise<ProjectProcess> {
    const { home, log } = this.#options;
    let project = await this.#openInTime(place);
    if (project.status.process?.build !== this.#build) {
      log.info("a project's process is of another build", { root: place.root });
      await project.handOver();
      this.#room.leave(project);
      project = await ProjectProcess.open(home, log, place);
      this.#room.enter(project);
    }
    project.wasUsed = () => this.#wasUsed(place.root);
    project.onEnd = (died) => this.#ended(project, died);
    if (!project.isOpen) this.#ended(project, true);
    await this.#export(project);
    return project;
  }

  /** One that is killed while it opens is a death: whoever waits goes on waiting for the next one, a few times. */
  async #openInTime(place: ProjectPlace): Promise<ProjectProcess> {
    const { home, log } = this.#options;
    for (let attempt = 1; ; attempt++) {
      await this.#itsTime(place.id);
      // One that runs already has its room.
      const starts = ownerOf(workspacePaths(home, place.id).lock) === undefined;
      if (starts) await this.#room.reserve();
      try {
        const project = await ProjectProcess.open(home, log, place);
        this.#room.enter(project);
        return project;
      } catch (error) {
        const reason = toVriftError(error);
        const died = reason.code === "ECONNRESET";
        this.#failures.add(place.id, died ? undefined : reason);
        if (!died || attempt >= OPEN_ATTEMPTS || this.#ending) throw error;
        log.warn("a project's process has ended before it was open", { root: place.root, id: place.id });
      } finally {
        if (starts) this.#room.free();
      }
    }
  }

  /** A connection needs the project from now on, until `end`. */
  bind({ root, index: path }: WorkspaceInfo): Binding {
    const bound = this.#bound.get(path) ?? {
      root,
      index: new SharedIndex(path),
      connections: 0,
      used: false,
    };
    this.#bound.set(path, bound);
    bound.connections++;
    const end = (): void => {
      if (--bound.connections > 0) return;
      this.#bound.delete(path);
      bound.index.close();
    };
    const used = (): void => {
      bound.used = true;
    };
    return { path, index: bound.index, used, end };
  }

  #isNeeded(root: string): boolean {
    return [...this.#bound.values()].some((bound) => bound.root === root);
  }

  /** Since the last call. */
  #wasUsed(root: string): boolean {
    let used = false;
    for (const bound of this.#bound.values()) {
      if (bound.root !== root) continue;
      used ||= bound.used;
      bound.used = false;
    }
    return used;
  }

  /** Nothing is started again any more. What waits for its time is still opened: for a hand-over. */
  end(): void {
    this.#ending = true;
  }

  /** And what waits for its time is refused. */
  stop(): void {
    this.end();
    this.#stopping.abort();
  }

  /** Waits for its next attempt; while that is long away, what went wrong is said at once. */
  async #itsTime(id: string): Promise<void> {
    const failure = this.#failures.get(id);
    const left = failure === undefined ? 0 : failure.notBefore - Date.now();
    if (failure === undefined || left <= 0) return;
    if (failure.error !== undefined) throw failure.error;
    try {
      await wait(left, undefined, { signal: this.#stopping.signal });
    } catch (error) {
      throw new VriftError("ECONNRESET", "the daemon is stopping", { cause: error });
    }
  }

  #ended(project: ProjectProcess, died: boolean): void {
    const { home, log } = this.#options;
    const { root, id } = project.info;
    this.#room.leave(project);
    if (this.#exported === id) this.#exported = undefined;
    if (this.#ending) return;
    if (!died) {
      this.#failures.forget(id);
      log.info("a project's process has ended in order", { root, id, livedMs: project.livedMs });
      // It has handed over to another one, which nobody watches yet.
      if (this.#isNeeded(root) && ownerOf(workspacePaths(home, id).lock) !== undefined)
        void this.#reopen(root);
      return;
    }
    if (project.livedMs >= SETTLED_MS) this.#failures.forget(id);
    this.#failures.add(id, undefined);
    const needed = this.#isNeeded(root);
    log.warn("a project's process has died", { root, id, livedMs: project.livedMs, needed });
    if (needed) void this.#reopen(root);
  }

  /** Until it is open, or nobody needs it any more, or it says itself why it cannot be. Never rejects. */
  async #reopen(root: string): Promise<void> {
    const { log, reopen } = this.#options;
    while (this.#isNeeded(root) && !this.#ending) {
      try {
        await reopen(root);
        return;
      } catch (error) {
        log.error("a project cannot be opened again", error, { root });
        const { code } = toVriftError(error);
        if (code !== "VRIFT_NO_DAEMON" && code !== "ECONNRESET") return;
        await wait(REOPEN_MS, undefined, { ref: false });
      }
    }
  }

  async #export(project: ProjectProcess): Promise<void> {
    const { home, log, exported } = this.#options;
    const { root, id } = project.info;
    if (exported === undefined ? this.#exported !== undefined : realPath(exported) !== root) return;
    this.#exported = id;
    const path = home.isDefault ? SPECIFIED_EXPORT : workspacePaths(home, id).exportFile;
    await project
      .exportTo(path)
      .catch((error: unknown) => log.error("the export failed", error, { root, path }));
  }
}

/** The path itself while nothing is there. */
function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}

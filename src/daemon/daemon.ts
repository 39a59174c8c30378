/**
 * vriftd of one home: lock, store, registry, sockets, in this order; and the way back. Everything a killed one leaves behind
 * (sockets, projects that go on) is what the next one expects.
 */
import { dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { connectControl } from "../client/control-client.js";
import { isAbsent } from "../client/open-socket.js";
import { UnansweredError } from "../client/unanswered.js";
import { buildId, packageVersion } from "../platform/build.js";
import type { Config } from "../platform/config.js";
import { VriftError } from "../platform/errors.js";
import { makeDirectory } from "../platform/files.js";
import { CONTROL_CONNECTIONS_MAX, SUCCESSION_MS, UPSTREAM_SILENT_MS } from "../platform/limits.js";
import type { Log } from "../platform/log.js";
import type { Home } from "../platform/paths.js";
import { SPECIFIED_SOCKET, workspacePaths } from "../platform/paths.js";
import type { ContentStore } from "../store/store.js";
import { knownWorkspaces } from "../workspace/known.js";
import type { OwnerLock } from "../workspace/owner-lock.js";
import { ownerOf } from "../workspace/owner-lock.js";
import { Registry } from "../workspace/registry.js";
import { Children } from "./children.js";
import { controlProtocol } from "./control-session.js";
import type { ControlOperations } from "./control.js";
import { frontProtocol } from "./front-session.js";
import type { FrontService, ServedProject } from "./front-session.js";
import { isFree, makePrivateDirectory } from "./listener.js";
import { Protections } from "./protections.js";
import type { ProjectProcess } from "./project-process.js";
import { Projects } from "./projects.js";
import { Serving } from "./serving.js";
import { statusText } from "./status-text.js";
import type { GivenSocket, GivenSockets } from "./given-sockets.js";
import type { Inheritance } from "./succession.js";
import { startSuccessor } from "./succession.js";
import type { Supervisor } from "./supervisor.js";
import { tidyProjects } from "./tidy-projects.js";
import { Trace } from "./trace.js";
import { traced } from "./traced.js";
import { TrashTimer } from "./trash-timer.js";
import { Upstreams } from "./upstreams.js";

const HOME_CHECK_MS = 5000;
/** Between looks for a vriftd that comes after the one that was handed over to. */
const POLL_MS = 20;

export interface DaemonOptions {
  /** With the configured store in it. */
  readonly home: Home;
  readonly config: Config;
  readonly log: Log;
  readonly store: ContentStore;
  readonly lock: OwnerLock;
  /** Those that listen already. */
  readonly sockets?: GivenSockets;
  /** What the process before gave us. */
  readonly inherited?: Inheritance | undefined;
  /** Who is told that it serves, stops, or is another process now. */
  readonly superior?: Supervisor;
  /** Its successor logs on this standard error, too. */
  readonly foreground?: boolean;
}

export class Daemon {
  readonly #options: DaemonOptions;
  readonly #registry: Registry<ProjectProcess>;
  readonly #projects: Projects;
  readonly #children: Children;
  readonly #protections: Protections;
  readonly #serving: Serving;
  readonly #upstreams: Upstreams;
  readonly #trace = new Trace();
  readonly #startedMs = Date.now();
  /** Of the code that runs here: the stamp may be another one after a rebuild. */
  readonly #build = buildId();
  readonly #version = packageVersion();
  #watchdog: NodeJS.Timeout | undefined;
  readonly #trash: TrashTimer;
  #stopped: Promise<void> | undefined;
  #restarting: Promise<number> | undefined;
  /** It has handed over, and whoever took over is gone. */
  #abandoned = false;
  /** Opens a project; after a hand-over that is the successor's to do. */
  #open: (root: string) => Promise<ServedProject>;
  /** Called once, when everything is closed. */
  onStopped: () => void = () => undefined;

  constructor(options: DaemonOptions) {
    this.#options = options;
    const { home, config, log, store } = options;
    this.#projects = new Projects({
      home,
      log,
      exported: config.default_workspace,
      max: config.project_processes,
      reopen: (root) => this.#registry.open(root),
    });
    this.#children = new Children(home, log);
    this.#protections = new Protections(home, log);
    this.#registry = new Registry(home, store, log, (place) => this.#projects.open(place));
    this.#open = (root) => this.#registry.open(root);
    this.#serving = new Serving(log);
    this.#upstreams = new Upstreams(Math.min(UPSTREAM_SILENT_MS, config.idle_seconds * 250));
    this.#trash = new TrashTimer(store, log);
  }

  async listen(): Promise<void> {
    const { home, log, sockets = new Map<string, GivenSocket>() } = this.#options;
    makeDirectory(dirname(home.daemonSocket));
    const given = sockets.get(home.daemonSocket);
    if (dirname(home.daemonSocket) !== home.sockets && !given && !(await isFree(home.daemonSocket)))
      throw new VriftError(
        "EEXIST",
        `${home.daemonSocket} (VRIFT_SOCKET) is no dead socket of yours, and is not replaced`,
      );
    makePrivateDirectory(home.sockets);
    const front = (uid: number): ReturnType<typeof frontProtocol> =>
      traced(frontProtocol(uid, this.#service()), this.#trace);
    const specified = sockets.get(SPECIFIED_SOCKET);
    if (specified !== undefined || (home.isDefault && (await isFree(SPECIFIED_SOCKET))))
      await this.#serving.listen(SPECIFIED_SOCKET, front, specified);
    await this.#serving.listen(home.daemonSocket, front, given);
    // Last: whoever started the daemon waits for this one.
    const control = (): ReturnType<typeof controlProtocol> => controlProtocol(this.#control());
    await this.#serving.listen(
      home.controlSocket,
      control,
      sockets.get(home.controlSocket),
      CONTROL_CONNECTIONS_MAX,
    );
    this.#watchHome();
    this.#trash.start();
    const paths = this.#serving.paths.join(" ");
    log.info("started", { version: this.#version, build: this.#build, home: home.root, sockets: paths });
    this.#adoptRunning();
  }

  /** Stops accepting, answers what has arrived, ends the projects' processes, removes the sockets. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopNow();
    return this.#stopped;
  }

  async #stopNow(): Promise<void> {
    const { log, store, lock, superior } = this.#options;
    log.info("stopping");
    superior?.stops(log);
    clearInterval(this.#watchdog);
    this.#trash.stop();
    this.#trace.end();
    this.#projects.stop();
    await this.#serving.stop();
    await this.#registry.close();
    store.close();
    log.info("stopped");
    lock.release();
    this.onStopped();
  }

  #service(): FrontService {
    return {
      store: this.#options.store,
      children: this.#children,
      protections: this.#protections,
      open: (root) => this.#open(root),
      bind: (info) => this.#projects.bind(info),
      upstreams: this.#upstreams,
      tidyRoots: () => tidyProjects(this.#options.home, this.#options.log),
      statusText: async () =>
        statusText(await this.#status(), this.#children.list(), this.#protections.counts()),
    };
  }

  #control(): Parameters<typeof controlProtocol>[0] {
    return {
      registry: this.#registry,
      home: this.#options.home.root,
      build: this.#build,
      status: () => this.#status(),
      trace: (request) => this.#trace.poll(request),
      restart: () => (this.#restarting ??= this.#handOver().finally(() => (this.#restarting = undefined))),
      stop: () => void this.stop(),
    };
  }

  /** Projects whose processes outlived the vriftd before. */
  #adoptRunning(): void {
    const { home, log } = this.#options;
    for (const { id, root } of knownWorkspaces(home)) {
      if (ownerOf(workspacePaths(home, id).lock) === undefined) continue;
      this.#registry
        .open(root)
        .catch((error: unknown) => log.error("a running project cannot be adopted", error, { root, id }));
    }
  }

  /** The successor serves when it resolves (with its pid); this process answers the connections it has, and ends. */
  async #handOver(): Promise<number> {
    const { home, log, lock, superior, foreground = false } = this.#options;
    const successor = await startSuccessor("main.js", foreground ? ["--foreground"] : [], {
      log: home.daemonLog,
      lock,
      listeners: this.#serving.listeners,
      env: superior?.env ?? {},
      sameStderr: foreground,
    });
    try {
      await successor.serves();
    } catch (error) {
      lock.sign();
      throw successor.failure("the successor has ended before it served", error);
    }
    clearInterval(this.#watchdog);
    this.#trash.stop();
    log.info("handed over", { successor: successor.pid });
    superior?.isNow(successor.pid, log);
    this.#trace.end();
    this.#projects.end();
    this.#serving.closeListeners(true);
    // What commands have begun here (a clone, a conversion) is finished here.
    void this.#registry.idle().then(() => {
      for (const project of this.#registry.openProjects()) project.release();
    });
    this.#open = (root) => this.#openThroughSuccessor(root);
    lock.leave();
    void this.#serving.drained().then(() => {
      log.info("ended after a hand-over");
      this.onStopped();
    });
    return successor.pid;
  }

  /**
   * Without a successor there is nothing to wait for: the connections end as they would have without a hand-over, so that clients
   * ask the next vriftd again what they may ask twice.
   */
  async #openThroughSuccessor(root: string): Promise<ServedProject> {
    const { home, log } = this.#options;
    for (const deadline = Date.now() + SUCCESSION_MS; ; await wait(POLL_MS)) {
      try {
        return await openThrough(home, root);
      } catch (error) {
        const isGone = isAbsent(error) || error instanceof UnansweredError;
        if (!isGone) throw error;
        if (Date.now() < deadline && !this.#abandoned) continue;
        if (!this.#abandoned) log.warn("what was handed over to is gone", { home: home.root });
        this.#abandoned = true;
        this.#serving.abandon();
        throw new VriftError("ECONNRESET", "the daemon that took over is gone", { cause: error });
      }
    }
  }

  /** A daemon whose home was removed (a test's, a container's) would otherwise live for ever, and nobody could reach it. */
  #watchHome(): void {
    this.#watchdog = setInterval(() => {
      if (this.#options.lock.stands()) return;
      this.#options.log.warn("the home is gone", { home: this.#options.home.root });
      void this.stop();
    }, HOME_CHECK_MS);
    this.#watchdog.unref();
  }

  async #status(): Promise<ControlOperations["status"]["reply"]> {
    const asked = this.#registry.openProjects().map((project) => project.currentStatus());
    const running = new Map((await Promise.all(asked)).map((status) => [status.id, status]));
    return {
      pid: process.pid,
      version: this.#version,
      build: this.#build,
      startedMs: this.#startedMs,
      home: this.#options.home.root,
      source: this.#options.home.source,
      sockets: this.#serving.paths,
      connections: this.#serving.connections,
      workspaces: this.#registry.list().map((info) => running.get(info.id) ?? info),
      rssBytes: process.memoryUsage.rss(),
    };
  }
}

async function openThrough(home: Home, root: string): Promise<ServedProject> {
  const control = await connectControl({ socketPath: home.controlSocket });
  try {
    const { workspace } = await control.call("open", { root });
    return { info: workspace, socket: workspacePaths(home, workspace.id).socket };
  } finally {
    control.close();
  }
}

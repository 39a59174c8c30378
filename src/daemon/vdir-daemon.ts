/**
 * vdir_d: the owner of one project. Lock, control socket, workspace, project socket, in this order; and the way back
 * (docs/processes.md has what a kill leaves at each step).
 */
import { buildId, packageVersion } from "../platform/build.js";
import { setImmediate as turn } from "node:timers/promises";
import { VriftError } from "../platform/errors.js";
import { LOOK_MS } from "../platform/limits.js";
import type { Log } from "../platform/log.js";
import type { Home, WorkspacePaths } from "../platform/paths.js";
import { workspacePaths } from "../platform/paths.js";
import type { ContentStore } from "../store/store.js";
import { ManifestExport } from "../vdir/export-v1.js";
import type { CommitSettings } from "../workspace/committer.js";
import { directoryIdentity, isDirectory } from "../workspace/directory-identity.js";
import { rememberWorkspace } from "../workspace/known.js";
import { openWorkspace } from "../workspace/open-workspace.js";
import type { OwnerLock } from "../workspace/owner-lock.js";
import type { ProjectWorkspace } from "../workspace/project-workspace.js";
import type { Quota } from "../workspace/quota.js";
import type { ProjectPlace } from "../workspace/registry.js";
import type { Detached, Protocol } from "./connection.js";
import { Children } from "./children.js";
import type { RunningProcess } from "./control.js";
import { FlockTable } from "./flock-table.js";
import type { FlockOwner } from "./flock-table.js";
import type { Service } from "./handlers.js";
import { IdleWatch } from "./idle-watch.js";
import { mapsIndex } from "../vdir/index-users.js";
import { makePrivateDirectory, peerUid } from "./listener.js";
import { projectControlProtocol } from "./project-control.js";
import { Protections } from "./protections.js";
import { Serving } from "./serving.js";
import { sessionProtocol } from "./session.js";
import { unpackSession } from "./session-passport.js";
import { childLines, protectedLines } from "./status-text.js";
import type { Inheritance } from "./succession.js";
import { startSuccessor } from "./succession.js";
import { tidyProjects } from "./tidy-projects.js";
import { Trace } from "./trace.js";
import { traced } from "./traced.js";

const PLACE_CHECK_MS = 5000;

export interface VdirOptions {
  readonly home: Home;
  readonly place: ProjectPlace;
  readonly store: ContentStore;
  readonly log: Log;
  /** Whether the tree is watched. */
  readonly watch: boolean;
  /** What becomes of files that programs write in it. */
  readonly commit: CommitSettings;
  /** Milliseconds after its last change from which a file of a solid tree is answered for. */
  readonly settleMs: number;
  readonly quota: Quota;
  /** Milliseconds without anybody after which the process ends. */
  readonly idleMs: number;
  readonly lock: OwnerLock;
  /** What the process before gives us. */
  readonly inherited?: Inheritance | undefined;
}

export class VdirDaemon {
  readonly #options: VdirOptions;
  readonly #paths: WorkspacePaths;
  readonly #control: Serving;
  readonly #serving: Serving;
  readonly #trace = new Trace();
  readonly #process: Omit<RunningProcess, "connections" | "rssBytes" | "idleMs">;
  /** Resolves when the project's socket listens. */
  readonly #served: Promise<ProjectWorkspace>;
  readonly #idle: IdleWatch;
  readonly #children: Children;
  readonly #protections: Protections;
  /** Operations of commands that are under way, and when somebody last needed us who is not connected to the project's socket. */
  #underWay = 0;
  #usedMs = Date.now();
  #onServed!: { resolve: (workspace: ProjectWorkspace) => void; reject: (error: unknown) => void };
  #open: ProjectWorkspace | undefined;
  #export: ManifestExport | undefined;
  #placeTimer: NodeJS.Timeout | undefined;
  #lookTimer: NodeJS.Timeout | undefined;
  #stopped: Promise<void> | undefined;
  #handingOver: Promise<void> | undefined;
  #retiring = false;
  /** Called once, when everything is closed. */
  onStopped: () => void = () => undefined;

  constructor(options: VdirOptions) {
    const { home, place, log, idleMs } = options;
    this.#options = options;
    this.#paths = workspacePaths(home, place.id);
    this.#children = new Children(home, log);
    this.#protections = new Protections(home, log);
    this.#control = new Serving(log);
    this.#serving = new Serving(log);
    this.#process = {
      pid: process.pid,
      version: packageVersion(),
      build: buildId(),
      startedMs: Date.now(),
    };
    this.#served = new Promise((resolve, reject) => {
      this.#onServed = { resolve, reject };
    });
    this.#served.catch(() => undefined);
    this.#idle = new IdleWatch(idleMs, () => Date.now() - this.#idleMs);
    this.#idle.onIdle = () =>
      void this.#retire().catch((error: unknown) => log.error("ending an idle project failed", error));
  }

  /** Resolves when the project's socket listens. Rejects when the workspace cannot be opened; who asks on the control socket is told. */
  async serve(): Promise<void> {
    try {
      const given = await this.#options.inherited?.given();
      this.#options.lock.sign();
      await this.#listenControl();
      await this.#listen(given ?? []);
      this.#options.inherited?.serving();
      this.#onServed.resolve(this.#open!);
    } catch (error) {
      this.#onServed.reject(error);
      throw error;
    }
  }

  async #listenControl(): Promise<void> {
    makePrivateDirectory(this.#options.home.sockets);
    await this.#control.listen(
      this.#paths.control,
      () =>
        projectControlProtocol({
          workspace: this.#served,
          openWorkspace: () => this.#open,
          process: () => this.#running(),
          used: () => (this.#usedMs = Date.now()),
          during: (work) => this.#during(work),
          retire: () => this.#retire(),
          trace: (request) => this.#trace.poll(request),
          exportTo: (path) => this.#exportTo(path),
          handOver: () => this.#beginHandOver(),
          stop: () => void this.stop(),
        }),
      this.#options.inherited?.sockets.get(this.#paths.control),
    );
  }

  async #listen(given: readonly Detached[]): Promise<void> {
    const { home, store, place, log, watch, settleMs, commit, quota, lock, inherited } = this.#options;
    const onSpent = (): void => void this.#renew();
    const options = { home, store, log, watch, settleMs, commit, quota, lock, onSpent };
    const workspace = await openWorkspace({ ...options, ...place });
    this.#open = workspace;
    const service: Service = {
      store,
      children: this.#children,
      protections: this.#protections,
      statusText: () => this.#statusText(workspace),
      tidyRoots: () => tidyProjects(home, log),
    };
    const table = new FlockTable();
    const protocol = (uid: number, flocks: FlockOwner, claimed?: Buffer): Protocol<Buffer> =>
      traced(sessionProtocol({ uid, service, workspace, flocks, claimed }), this.#trace);
    // Before anybody else asks for a lock.
    const passports = given.map(({ carried }) => unpackSession(carried?.bytes));
    const owners = table.resume(passports.map(({ flocks }) => flocks));
    const { socket: path } = this.#paths;
    await this.#serving.listen(path, (uid) => protocol(uid, table.owner()), inherited?.sockets.get(path));
    for (const [i, { socket, rest }] of given.entries()) {
      const uid = peerUid(socket) ?? process.getuid!();
      this.#serving.accept(socket, protocol(uid, owners[i]!, passports[i]!.claimed), rest);
    }
    // For a vriftd that comes later: whoever started us may be a client.
    rememberWorkspace(home, workspace.info);
    await workspace.ready;
    this.#watchPlace();
    this.#lookAround(workspace);
    this.#usedMs = Date.now();
    this.#idle.start();
    const { version, build } = this.#process;
    log.info("started", { version, build, root: place.root, id: place.id });
  }

  /** A sweep that comes when the project is closed finds a list that is exact. */
  async #tidy(): Promise<void> {
    try {
      await this.#open?.tidyRoots();
    } catch (error) {
      this.#options.log.error("the roots cannot be rewritten", error, { root: this.#options.place.root });
    }
  }

  get #idleMs(): number {
    if (this.#underWay > 0) return 0;
    return Math.max(0, Date.now() - Math.max(this.#serving.usedMs, this.#usedMs));
  }

  async #during<T>(work: Promise<T>): Promise<T> {
    this.#underWay++;
    try {
      return await work;
    } finally {
      this.#underWay--;
      this.#usedMs = Date.now();
    }
  }

  /**
   * Stops if nobody needs the project, and says whether it does. The sockets' names go first: who has found one of them by then is in
   * its queue, is accepted, and then we stay.
   */
  async #retire(): Promise<boolean> {
    const { log, place } = this.#options;
    if (this.#retiring) return false;
    if (this.#isNeeded() || mapsIndex((path) => path === this.#paths.index)) {
      this.#usedMs = Date.now();
      return false;
    }
    this.#retiring = true;
    await this.#tidy();
    const commands = this.#control.connections;
    const shown = [...this.#control.listeners, ...this.#serving.listeners].map((one) => one.withdraw());
    // A turn of the event loop accepts all that is in the queues.
    await turn();
    await turn();
    if (this.#isNeeded() || this.#control.connections > commands) {
      for (const show of shown) show();
      this.#retiring = false;
      return false;
    }
    log.info("nobody needs the project", { root: place.root });
    void this.stop();
    return true;
  }

  #isNeeded(): boolean {
    const busy = this.#serving.connections > 0 || this.#underWay > 0;
    const ending = this.#handingOver !== undefined || this.#stopped !== undefined;
    return busy || ending || this.#open === undefined;
  }

  /** Answers what has arrived, makes everything durable, removes the sockets, gives the project up. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopNow();
    return this.#stopped;
  }

  async #stopNow(): Promise<void> {
    const { log, store } = this.#options;
    log.info("stopping");
    clearInterval(this.#placeTimer);
    clearInterval(this.#lookTimer);
    this.#idle.stop();
    this.#trace.end();
    await this.#serving.stop();
    await this.#served.catch(() => undefined);
    await this.#exportTo(null);
    try {
      await this.#open?.close();
    } catch (error) {
      log.error("closing failed", error, { root: this.#options.place.root });
    }
    await this.#control.stop();
    store.close();
    log.info("stopped");
    this.onStopped();
  }

  /** A process whose home or project was removed would otherwise live for ever, and write where nobody looks. */
  #watchPlace(): void {
    const { lock, log, place } = this.#options;
    const directory = directoryIdentity(place.root);
    this.#placeTimer = setInterval(() => {
      if (lock.stands() && isDirectory(place.root, directory)) return;
      log.warn("the home or the project is gone", { root: place.root });
      void this.stop();
    }, PLACE_CHECK_MS);
    this.#placeTimer.unref();
  }

  /** What nobody tells of in a solid tree is found by looking, while a program could be told of it. */
  #lookAround(workspace: ProjectWorkspace): void {
    const { log, place } = this.#options;
    if (workspace.info.solid === undefined) return;
    this.#lookTimer = setInterval(() => {
      if (!mapsIndex((path) => path === this.#paths.index)) return;
      workspace
        .lookAtAll()
        .catch((error: unknown) => log.error("looking failed", error, { root: place.root }));
    }, LOOK_MS);
    this.#lookTimer.unref();
  }

  /** One at a time; when the successor cannot start nothing has changed, and it may be asked for again. */
  #beginHandOver(): Promise<void> {
    this.#handingOver ??= this.#handOver().catch((error: unknown) => {
      this.#handingOver = undefined;
      throw error;
    });
    return this.#handingOver;
  }

  /**
   * From the moment the workspace is closed there is no way back: a successor that dies then is a death like any other, and the
   * kernel tells everybody.
   */
  async #handOver(): Promise<void> {
    const { log, lock, place } = this.#options;
    await this.#served;
    if (this.#stopped !== undefined) throw new VriftError("ECONNRESET", "the process is stopping");
    const listeners = [...this.#control.listeners, ...this.#serving.listeners];
    const options = { log: this.#paths.log, lock, listeners };
    const successor = await startSuccessor("vdir-main.js", [place.root, place.id], options);
    log.info("handing over", { successor: successor.pid });
    clearInterval(this.#placeTimer);
    clearInterval(this.#lookTimer);
    this.#idle.stop();
    this.#control.closeListeners(true);
    this.#serving.closeListeners(true);
    try {
      const connections = await this.#serving.giveAway();
      await this.#exportTo(null);
      await this.#open!.close();
      for (const connection of connections) await successor.give(connection);
      await successor.serves();
      // The successor's leases stand.
      for (const { carried } of connections) carried?.release();
    } catch (error) {
      log.error("the hand-over failed", error, { root: place.root });
      process.exit(1);
    }
    log.info("handed over");
    this.#trace.end();
    // Who asked is told first.
    void this.#control.stop().then(() => this.onStopped());
  }

  /** The journal has everything; a process whose memory is sound goes on with it. */
  async #renew(): Promise<void> {
    const { log, place } = this.#options;
    log.warn("LMDB has failed in this process, and there is room again", { root: place.root });
    try {
      await this.#beginHandOver();
    } catch (error) {
      log.error("there is no successor", error, { root: place.root });
      await this.stop();
    }
  }

  async #exportTo(path: string | null): Promise<void> {
    const workspace = path === null ? this.#open : await this.#served;
    const before = this.#export;
    this.#export = undefined;
    if (workspace !== undefined) workspace.onIndexed = () => undefined;
    await before?.close();
    if (path === null || workspace === undefined) return;
    const file = new ManifestExport(path, (error) =>
      this.#options.log.error("export failed", error, { path }),
    );
    const write = (): void => file.schedule(() => workspace.indexHandle);
    this.#export = file;
    workspace.onIndexed = write;
    write();
  }

  #running(): RunningProcess {
    return {
      ...this.#process,
      connections: this.#serving.connections,
      rssBytes: process.memoryUsage.rss(),
      idleMs: this.#idleMs,
    };
  }

  #statusText({ info }: ProjectWorkspace): string {
    const { version, build, pid } = this.#process;
    const { kind, root, entries, virtualEntries, distrust } = info;
    return [
      "ready",
      `vdir_d ${version} build ${build} pid ${pid}`,
      `${kind} ${root}: ${entries} entries, ${virtualEntries} virtual`,
      ...(distrust !== undefined ? [`the kernel is asked first: ${distrust}`] : []),
      ...childLines(this.#children.list()),
      ...protectedLines(this.#protections.counts()),
    ].join("\n");
  }
}

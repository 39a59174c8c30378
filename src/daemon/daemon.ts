/**
 * vriftd of one home: lock, store, registry, sockets, in this order; and the way back. Everything a killed daemon leaves
 * behind (sockets, an index whose `alive` word has no owner, a journal that is not folded in) is what the next one expects.
 */
import type { Socket } from "node:net";
import { dirname } from "node:path";
import { VriftError } from "../platform/errors.js";
import { buildId, packageVersion } from "../platform/build.js";
import { loadConfig } from "../platform/config.js";
import type { Config } from "../platform/config.js";
import { makeDirectory } from "../platform/files.js";
import { recordSource } from "../platform/home-source.js";
import type { Log } from "../platform/log.js";
import type { Home } from "../platform/paths.js";
import { SPECIFIED_SOCKET } from "../platform/paths.js";
import { openStore } from "../store/content-store.js";
import type { ContentStore } from "../store/store.js";
import { Connection } from "./connection.js";
import type { Protocol } from "./connection.js";
import { controlProtocol } from "./control-session.js";
import type { ControlOperations } from "./control.js";
import { ExportedWorkspace } from "./exported-workspace.js";
import type { Service } from "./handlers.js";
import type { Listener } from "./listener.js";
import { isFree, listen, makePrivateDirectory } from "./listener.js";
import { takeDaemonLock } from "./lock.js";
import type { DaemonLock } from "./lock.js";
import { Registry } from "./registry.js";
import { sessionProtocol } from "./session.js";
import { statusText } from "./status-text.js";

/** So long a peer may take to read its last replies when the daemon stops. */
const STOP_GRACE_MS = 2000;
const HOME_CHECK_MS = 5000;

export interface DaemonOptions {
  /** With the configured store in it. */
  readonly home: Home;
  readonly config: Config;
  readonly log: Log;
}

/** undefined: another process is the daemon of this home. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon | undefined> {
  const { home } = options;
  makeDirectory(home.root);
  const lock = takeDaemonLock(home.daemonLock);
  if (lock === undefined) return undefined;
  try {
    recordSource(home);
    const graceMs = options.config.sweep_grace_seconds * 1000;
    const daemon = new Daemon(options, await openStore(home.source, { graceMs }), lock);
    await daemon.listen();
    return daemon;
  } catch (error) {
    lock.release();
    throw error;
  }
}

export class Daemon {
  readonly #options: DaemonOptions;
  readonly #store: ContentStore;
  readonly #lock: DaemonLock;
  readonly #registry: Registry;
  readonly #listeners: Listener[] = [];
  readonly #connections = new Map<Pick<Connection<unknown>, "stop" | "destroy">, Promise<void>>();
  readonly #startedMs = Date.now();
  /** Of the code that runs here: the stamp may be another one after a rebuild. */
  readonly #build = buildId();
  readonly #version = packageVersion();
  #watchdog: NodeJS.Timeout | undefined;
  #stopped: Promise<void> | undefined;
  #onStopped: () => void = () => undefined;

  constructor(options: DaemonOptions, store: ContentStore, lock: DaemonLock) {
    this.#options = options;
    this.#store = store;
    this.#lock = lock;
    const { home, config, log } = options;
    const exported = new ExportedWorkspace(home, config.default_workspace, log);
    this.#registry = new Registry(home, store, log, {
      watches: async (projectRoot) => (await loadConfig({ home, projectRoot })).watch,
      opened: (workspace) => exported.opened(workspace),
      closing: (workspace) => exported.closing(workspace),
    });
  }

  /** Called once, when everything is closed. */
  set onStopped(callback: () => void) {
    this.#onStopped = callback;
  }

  async listen(): Promise<void> {
    const { home, log } = this.#options;
    const service: Service = {
      store: this.#store,
      openWorkspace: (root) => this.#registry.open(root),
      statusText: () => statusText(this.#status()),
    };
    const control = { registry: this.#registry, status: () => this.#status(), stop: () => void this.stop() };
    const session = (socket: Socket, uid: number): void =>
      this.#accept(socket, sessionProtocol(uid, service));
    makeDirectory(dirname(home.daemonSocket));
    if (dirname(home.daemonSocket) !== dirname(home.controlSocket) && !(await isFree(home.daemonSocket)))
      throw new VriftError(
        "EEXIST",
        `${home.daemonSocket} (VRIFT_SOCKET) is no dead socket of yours, and is not replaced`,
      );
    makePrivateDirectory(dirname(home.controlSocket));
    if (home.isDefault && (await isFree(SPECIFIED_SOCKET)))
      this.#listeners.push(await listen(SPECIFIED_SOCKET, log, session));
    this.#listeners.push(await listen(home.daemonSocket, log, session));
    // Last: whoever started the daemon waits for this one.
    this.#listeners.push(
      await listen(home.controlSocket, log, (socket) => this.#accept(socket, controlProtocol(control))),
    );
    this.#watchHome();
    const sockets = this.#listeners.map(({ path }) => path).join(" ");
    log.info("started", { version: this.#version, build: this.#build, home: home.root, sockets });
  }

  /** A daemon whose home was removed (a test's, a container's) would otherwise live for ever, and nobody could reach it. */
  #watchHome(): void {
    this.#watchdog = setInterval(() => {
      if (this.#lock.stands()) return;
      this.#options.log.warn("the home is gone", { home: this.#options.home.root });
      void this.stop();
    }, HOME_CHECK_MS);
    this.#watchdog.unref();
  }

  /** Stops accepting, answers what has arrived, makes everything durable, removes the sockets. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopNow();
    return this.#stopped;
  }

  async #stopNow(): Promise<void> {
    const { log } = this.#options;
    log.info("stopping");
    clearInterval(this.#watchdog);
    for (const listener of this.#listeners) listener.close();
    for (const connection of this.#connections.keys()) connection.stop();
    const deaf = setTimeout(() => {
      for (const connection of this.#connections.keys()) connection.destroy();
    }, STOP_GRACE_MS);
    await Promise.all(this.#connections.values());
    clearTimeout(deaf);
    await this.#registry.close();
    try {
      await this.#store.sync();
      this.#store.close();
    } catch (error) {
      log.error("the store was not synced", error);
    }
    log.info("stopped");
    this.#lock.release();
    this.#onStopped();
  }

  #accept<M>(socket: Socket, protocol: Protocol<M>): void {
    const connection = new Connection(socket, protocol);
    const ended = connection
      .run()
      .catch((error: unknown) => this.#options.log.error("connection failed", error))
      .finally(() => this.#connections.delete(connection));
    this.#connections.set(connection, ended);
    if (this.#stopped !== undefined) connection.stop();
  }

  #status(): ControlOperations["status"]["reply"] {
    return {
      pid: process.pid,
      version: this.#version,
      build: this.#build,
      startedMs: this.#startedMs,
      home: this.#options.home.root,
      source: this.#options.home.source,
      sockets: this.#listeners.map(({ path }) => path),
      connections: this.#connections.size,
      workspaces: this.#registry.list(),
      rssBytes: process.memoryUsage.rss(),
    };
  }
}

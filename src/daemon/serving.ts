/** The sockets of a daemon and the connections on them, from listening to the last reply. */
import type { Socket } from "node:net";
import type { Log } from "../platform/log.js";
import { Connection } from "./connection.js";
import type { Protocol } from "./connection.js";
import type { Listener } from "./listener.js";
import { listen } from "./listener.js";

/** So long a peer may take to read its last replies when the daemon stops. */
const STOP_GRACE_MS = 2000;

type AnyConnection = Pick<Connection<unknown>, "stop" | "destroy">;

export class Serving {
  readonly #log: Log;
  readonly #listeners: Listener[] = [];
  readonly #connections = new Map<AnyConnection, Promise<void>>();
  #stopping = false;

  constructor(log: Log) {
    this.#log = log;
  }

  get connections(): number {
    return this.#connections.size;
  }

  get paths(): string[] {
    return this.#listeners.map(({ path }) => path);
  }

  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  /** @param inherited a descriptor that listens on `path` already. @param protocol made for each connection, with the peer's uid. */
  async listen<M>(path: string, protocol: (uid: number) => Protocol<M>, inherited?: number): Promise<void> {
    const accept = (socket: Socket, uid: number): void => this.accept(socket, protocol(uid));
    this.#listeners.push(await listen(path, this.#log, accept, inherited));
  }

  accept<M>(socket: Socket, protocol: Protocol<M>): void {
    const connection = new Connection(socket, protocol);
    const ended = connection
      .run()
      .catch((error: unknown) => this.#log.error("connection failed", error))
      .finally(() => this.#connections.delete(connection));
    this.#connections.set(connection, ended);
    if (this.#stopping) connection.stop();
  }

  /** Accepts nobody any more. `keepNames`: the sockets are a successor's now. */
  closeListeners(keepNames = false): void {
    for (const listener of this.#listeners.splice(0)) listener.close(keepNames);
  }

  /** Resolves when the peers of all connections have gone. */
  async drained(): Promise<void> {
    while (this.#connections.size > 0) await Promise.all(this.#connections.values());
  }

  /** Accepts nobody any more and answers what has arrived. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.closeListeners();
    for (const connection of this.#connections.keys()) connection.stop();
    const deaf = setTimeout(() => {
      for (const connection of this.#connections.keys()) connection.destroy();
    }, STOP_GRACE_MS);
    await this.drained();
    clearTimeout(deaf);
  }
}

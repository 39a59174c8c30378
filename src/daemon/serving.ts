/** The sockets of a daemon and the connections on them, from listening to the last reply. */
import type { Socket } from "node:net";
import type { Log } from "../platform/log.js";
import { Connection } from "./connection.js";
import type { Detached, Protocol } from "./connection.js";
import type { GivenSocket } from "./given-sockets.js";
import type { Listener } from "./listener.js";
import { connectionRoom } from "./connection-room.js";
import { listen } from "./listener.js";

/** So long a peer may take to read its last replies when the daemon stops. */
const STOP_GRACE_MS = 2000;
/** And when it hands its connections over: what is under way has to be answered first, on a busy machine, too. */
const HAND_OVER_GRACE_MS = 10_000;

type AnyConnection = Pick<Connection<unknown>, "stop" | "destroy" | "detach">;

export class Serving {
  readonly #log: Log;
  readonly #listeners: Listener[] = [];
  readonly #connections = new Map<AnyConnection, Promise<void>>();
  readonly #room: number;
  #isFull = false;
  #stopping = false;
  #leftMs = Date.now();

  /** @param room connections at a time. */
  constructor(log: Log, room = connectionRoom()) {
    this.#log = log;
    this.#room = room;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** `Date.now()` while there is a connection, then when the last one ended. */
  get usedMs(): number {
    return this.#connections.size > 0 ? Date.now() : this.#leftMs;
  }

  get paths(): string[] {
    return this.#listeners.map(({ path }) => path);
  }

  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  /**
   * @param given a socket that listens on `path` already. @param protocol made for each connection, with the peer's uid.
   * @param reserve connections that are taken here when there is no room on other paths any more.
   */
  async listen<M>(
    path: string,
    protocol: (uid: number) => Protocol<M>,
    given?: GivenSocket,
    reserve = 0,
  ): Promise<void> {
    const accept = (socket: Socket, uid: number): void => {
      if (this.#connections.size < this.#room + reserve) this.accept(socket, protocol(uid));
      else this.#turnAway(socket, path);
    };
    this.#listeners.push(await listen(path, this.#log, accept, given));
  }

  /** Told once until there is room again: a crowd that knocks does not fill the log. */
  #turnAway(socket: Socket, path: string): void {
    socket.destroy();
    if (this.#isFull) return;
    this.#isFull = true;
    this.#log.warn("no room for more connections", { path, connections: this.#connections.size });
  }

  /** @param initial bytes of the peer that were read already. */
  accept<M>(socket: Socket, protocol: Protocol<M>, initial?: Buffer): void {
    const connection = new Connection(socket, protocol, initial && { initial });
    const ended = connection
      .run()
      .catch((error: unknown) => this.#log.error("connection failed", error))
      .finally(() => {
        this.#connections.delete(connection);
        this.#leftMs = Date.now();
        this.#isFull = false;
      });
    this.#connections.set(connection, ended);
    if (this.#stopping) connection.stop();
  }

  /** Accepts nobody any more. `keepNames`: the sockets are a successor's now. */
  closeListeners(keepNames = false): void {
    for (const listener of this.#listeners.splice(0)) listener.close(keepNames || listener.keepsName);
  }

  /** Resolves when the peers of all connections have gone. */
  async drained(): Promise<void> {
    while (this.#connections.size > 0) await Promise.all(this.#connections.values());
  }

  /** Gives every connection away, each when its replies under way have left; a peer that does not read them loses it. */
  async giveAway(): Promise<Detached[]> {
    const deaf = setTimeout(() => this.#destroyAll(), HAND_OVER_GRACE_MS);
    const given = await Promise.allSettled([...this.#connections.keys()].map((one) => one.detach()));
    clearTimeout(deaf);
    return given.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
  }

  /** Ends every connection as the death of this process would: what is under way is not answered. */
  abandon(): void {
    this.#stopping = true;
    this.closeListeners(true);
    this.#destroyAll();
  }

  #destroyAll(): void {
    for (const connection of this.#connections.keys()) connection.destroy();
  }

  /** Accepts nobody any more and answers what has arrived. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.closeListeners();
    for (const connection of this.#connections.keys()) connection.stop();
    const deaf = setTimeout(() => this.#destroyAll(), STOP_GRACE_MS);
    await this.drained();
    clearTimeout(deaf);
  }
}

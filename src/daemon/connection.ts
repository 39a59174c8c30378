/**
 * One connection, whatever is spoken on it: messages are answered one after the other, so replies come in order however
 * many were sent ahead. Reading goes on only while the peer reads its replies: a peer that does not holds at most one
 * chunk, one message and one socket buffer of the daemon's memory.
 */
import { once } from "node:events";
import type { Socket } from "node:net";

/** Chunks in, messages out; `next` throws when the stream cannot be followed any more. */
export interface MessageReader<M> {
  push(chunk: Buffer): void;
  next(): M | undefined;
}

export interface Protocol<M> {
  readonly reader: MessageReader<M>;
  readonly inFlight?: number;
  /** Never rejects: what goes wrong is the answer. */
  readonly answer: (message: M) => Promise<Buffer>;
  /** What the peer is told when the stream cannot be followed any more; then the connection ends. */
  readonly refuse: (error: unknown) => Buffer;
  /** The connection has ended. */
  readonly ended: () => void;
}

export class Connection<M> {
  readonly #socket: Socket;
  readonly #protocol: Protocol<M>;
  #stopping = false;

  constructor(socket: Socket, protocol: Protocol<M>) {
    this.#socket = socket;
    this.#protocol = protocol;
  }

  /** Serves until the peer goes, breaks the framing, or `stop`. */
  async run(): Promise<void> {
    try {
      for await (const chunk of this.#socket as AsyncIterable<Buffer>) {
        this.#protocol.reader.push(chunk);
        if (!(await this.#serve())) break;
      }
    } catch {
      // Reset by the peer: there is nobody left to tell.
    } finally {
      this.#protocol.ended();
      await this.#finish();
    }
  }

  /** Ends the connection after the messages that have arrived. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    // As if the peer had ended: what is buffered is still served, and an idle connection does not wait for more.
    this.#socket.pause();
    this.#socket.push(null);
  }

  /** Ends it now, whatever is under way: for a peer that does not read. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** False when the stream cannot be followed any further, or nobody reads. */
  async #serve(): Promise<boolean> {
    for (;;) {
      let message: M | undefined;
      try {
        message = this.#protocol.reader.next();
      } catch (error) {
        await this.#write(this.#protocol.refuse(error));
        return false;
      }
      if (message === undefined) return true;
      if (!(await this.#write(await this.#protocol.answer(message)))) return false;
    }
  }

  async #write(bytes: Buffer): Promise<boolean> {
    if (this.#socket.destroyed) return false;
    if (this.#socket.write(bytes)) return true;
    await Promise.race([once(this.#socket, "drain"), once(this.#socket, "close")]);
    return !this.#socket.destroyed;
  }

  async #finish(): Promise<void> {
    if (this.#socket.destroyed) return;
    const closed = once(this.#socket, "close");
    this.#socket.end();
    this.#socket.destroySoon();
    await closed;
  }
}

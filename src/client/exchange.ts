import type { Socket } from "node:net";
import { VriftError, toVriftError } from "../platform/errors.js";

/** Cuts the stream into replies: FrameReader or LineReader. */
export interface ReplyReader<T> {
  push(chunk: Buffer): void;
  next(): T | undefined;
}

interface Waiting<T> {
  /** Names the request in errors. */
  readonly what: string;
  readonly resolve: (reply: T) => void;
  readonly reject: (error: VriftError) => void;
}

/**
 * One connection: requests go out in the order of `send`, replies come in that order. An idle connection does not keep
 * the process alive. After anything went wrong, all that wait and all that come later are rejected with the reason.
 */
export class Exchange<T> {
  readonly #socket: Socket;
  readonly #reader: ReplyReader<T>;
  readonly #waiting: Waiting<T>[] = [];
  #failed: VriftError | undefined;
  #onEnd: () => void = () => undefined;

  constructor(socket: Socket, reader: ReplyReader<T>) {
    this.#socket = socket;
    this.#reader = reader;
    socket.unref();
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (error) => this.#fail(toVriftError(error, "ECONNRESET")));
    socket.on("close", () => this.#fail(closedByDaemon()));
    if (socket.destroyed) this.#fail(closedByDaemon());
  }

  get usable(): boolean {
    return this.#failed === undefined;
  }

  /** Called once, after those who wait were told: the connection has ended, from whichever side. */
  set onEnd(callback: () => void) {
    this.#onEnd = callback;
  }

  /** @throws VriftError ECONNRESET and what the socket said, EMSGSIZE or EBADMSG for a stream that cannot be followed. */
  async send(bytes: Buffer | string, what: string): Promise<T> {
    if (this.#failed !== undefined) throw unanswered(this.#failed, what);
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ what, resolve, reject });
      this.#socket.ref();
      this.#socket.write(bytes);
    });
  }

  close(): void {
    this.#fail(new VriftError("ECONNRESET", "the connection was closed here"));
  }

  #receive(chunk: Buffer): void {
    this.#reader.push(chunk);
    try {
      for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next())
        this.#deliver(reply);
    } catch (error) {
      this.#fail(toVriftError(error, "EBADMSG"));
    }
  }

  #deliver(reply: T): void {
    const first = this.#waiting.shift();
    if (first === undefined) throw new VriftError("EBADMSG", "the daemon answered what was not asked");
    if (this.#waiting.length === 0) this.#socket.unref();
    first.resolve(reply);
  }

  #fail(error: VriftError): void {
    if (this.#failed !== undefined) return;
    this.#failed = error;
    this.#socket.destroy();
    for (const { what, reject } of this.#waiting.splice(0)) reject(unanswered(error, what));
    this.#onEnd();
  }
}

function closedByDaemon(): VriftError {
  return new VriftError("ECONNRESET", "the daemon closed the connection");
}

function unanswered(error: VriftError, what: string): VriftError {
  return new VriftError(error.code, `${what} was not answered: ${error.message}`, { cause: error });
}

import type { Socket } from "node:net";
import { VriftError, toVriftError } from "../platform/errors.js";
import { Outbox } from "./outbox.js";
import { UnansweredError } from "./unanswered.js";

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
  readonly #out: Outbox;
  #onEnd: ((error: VriftError) => void) | undefined;
  readonly #waiting: Waiting<T>[] = [];
  /** How many were answered: the first that waits is the message of this number in the outbox. */
  #answered = 0;
  #failed: VriftError | undefined;
  #finishing = false;

  /** @param onEnd told once why the connection can no longer be used; those that wait are rejected after that. */
  constructor(socket: Socket, reader: ReplyReader<T>, onEnd?: (error: VriftError) => void) {
    this.#socket = socket;
    this.#reader = reader;
    this.#out = new Outbox(socket);
    this.#onEnd = onEnd;
    socket.unref();
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (error) => this.#fail(toVriftError(error, "ECONNRESET")));
    socket.on("close", () => this.#fail(closedByDaemon()));
    if (socket.destroyed) this.#fail(closedByDaemon());
  }

  get usable(): boolean {
    return this.#failed === undefined && !this.#finishing;
  }

  /** Told once why the connection can no longer be used; those that wait are rejected after that. */
  set onEnd(callback: (error: VriftError) => void) {
    this.#onEnd = callback;
  }

  /** @throws UnansweredError ECONNRESET and what the socket said, EMSGSIZE or EBADMSG for a stream that cannot be followed. */
  async send(bytes: Buffer | string, what: string): Promise<T> {
    if (this.#failed !== undefined) throw new UnansweredError(this.#failed, what, false);
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ what, resolve, reject });
      this.#socket.ref();
      this.#out.put(bytes);
    });
  }

  /** Nothing more is to be sent; what was is answered, by a peer that answers all it was sent before it goes. */
  finish(): void {
    if (!this.usable) return;
    this.#finishing = true;
    this.#out.end();
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
    this.#answered++;
    if (this.#waiting.length === 0) this.#socket.unref();
    first.resolve(reply);
  }

  #fail(error: VriftError): void {
    if (this.#failed !== undefined) return;
    this.#failed = error;
    this.#socket.destroy();
    this.#onEnd?.(error);
    const sent = this.#out.handed - this.#answered;
    for (const [i, { what, reject }] of this.#waiting.splice(0).entries())
      reject(new UnansweredError(error, what, i < sent));
  }
}

function closedByDaemon(): VriftError {
  return new VriftError("ECONNRESET", "the daemon closed the connection");
}

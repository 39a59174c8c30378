/**
 * The manifest requests of one client connection, carried to the project's vdir_d and back as they are. One upstream
 * connection belongs to one client connection, so order is the kernel's. When it breaks, unanswered reads are asked again of the
 * successor, and an unanswered change is ECONNRESET: it may or may not have been done.
 */
import { setTimeout as wait } from "node:timers/promises";
import { Exchange } from "../client/exchange.js";
import { openSocket } from "../client/open-socket.js";
import { UnansweredError } from "../client/unanswered.js";
import { VriftError } from "../platform/errors.js";
import { CONNECT_TIMEOUT_MS, READ_ATTEMPTS_MAX } from "../platform/limits.js";
import { FrameReader, encodeFrame } from "../protocol/frame.js";

const RETRY_MS = 10;

export interface ForwardedRequest {
  readonly payload: Buffer;
  /** For errors. */
  readonly name: string;
  /** May be asked twice. */
  readonly isRead: boolean;
  /** It may give the connection something that ends with it (a lock). */
  readonly holds?: boolean;
}

export class Forwarding {
  readonly #socketPath: () => Promise<string>;
  #exchange: Exchange<Buffer> | undefined;
  #connecting: Promise<Exchange<Buffer>> | undefined;
  #unanswered = 0;
  #settled: (() => void)[] = [];
  /** Nothing was sent since `closeIfSilent` looked. */
  #silent = false;
  /** What was sent holds something as long as the connection lasts. */
  #holds = false;
  #closed = false;
  #finishing = false;
  /** The project's process has ended, or the connection to it; not when it is closed here. */
  onBreak: () => void = () => undefined;

  /** @param socketPath opens the project when it must, and says where it listens. */
  constructor(socketPath: () => Promise<string>) {
    this.#socketPath = socketPath;
  }

  /** Requests whose reply is not there yet. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** Resolves when every request so far is answered. */
  settled(): Promise<void> {
    if (this.#unanswered === 0) return Promise.resolve();
    return new Promise((resolve) => this.#settled.push(resolve));
  }

  /** The payload of the reply. Requests are sent in the order of the calls. */
  async send(request: ForwardedRequest): Promise<Buffer> {
    this.#unanswered++;
    this.#silent = false;
    this.#holds ||= request.holds === true;
    try {
      return await this.#send(request);
    } finally {
      this.#unanswered--;
      if (this.#unanswered === 0) for (const resolve of this.#settled.splice(0)) resolve();
    }
  }

  /** True while requests of an upstream connection that broke are being asked again: what comes later has to wait. */
  get recovering(): boolean {
    return this.#unanswered > 0 && this.#exchange?.usable === false;
  }

  /** Nothing more will be sent: the project's process lets go what only waits. */
  finish(): void {
    this.#finishing = true;
    this.#exchange?.finish();
  }

  /** Between requests of the manifest a connection has no state: the next request makes another one. */
  closeIfSilent(): void {
    if (this.#unanswered > 0 || this.#holds) return;
    if (this.#silent) {
      this.#exchange?.close();
      this.#exchange = undefined;
    }
    this.#silent = true;
  }

  close(): void {
    this.#closed = true;
    this.#exchange?.close();
  }

  async #send({ payload, name, isRead }: ForwardedRequest): Promise<Buffer> {
    const frame = encodeFrame(payload);
    for (let attempt = 1; ; attempt++) {
      const exchange = this.#exchange?.usable ? this.#exchange : await this.#connected();
      try {
        const reply = exchange.send(frame, name);
        // What else waited for the connection is put into it before this takes effect.
        if (this.#finishing) exchange.finish();
        return await reply;
      } catch (error) {
        if (exchange.usable || this.#closed) throw error;
        const notSent = error instanceof UnansweredError && !error.sent;
        if ((isRead || notSent) && attempt < READ_ATTEMPTS_MAX) continue;
        throw new VriftError(
          "ECONNRESET",
          `the project's process ended before it answered; ${isRead ? name : `whether ${name} was done is not known`}`,
          { cause: error },
        );
      }
    }
  }

  #connected(): Promise<Exchange<Buffer>> {
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  async #connect(): Promise<Exchange<Buffer>> {
    const deadline = Date.now() + CONNECT_TIMEOUT_MS;
    for (;;) {
      try {
        const socket = await openSocket(await this.#socketPath());
        if (this.#closed) socket.destroy();
        this.#exchange = new Exchange(socket, new FrameReader(), () => {
          if (!this.#closed) this.onBreak();
        });
        return this.#exchange;
      } catch (error) {
        // It ended, and that is not known yet where it is opened.
        const gone = error instanceof VriftError && error.code === "ECONNREFUSED";
        if (!gone || Date.now() > deadline || this.#closed) throw error;
        await wait(RETRY_MS);
      }
    }
  }
}

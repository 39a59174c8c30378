/** How the model's connections ask: with the client library, or with nothing but frames on a socket. */
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import type { VriftClient } from "../../src/client/client.js";
import { UnansweredError } from "../../src/client/unanswered.js";
import { VriftError } from "../../src/platform/errors.js";
import type { VeloRequest, VeloResponse } from "../../src/protocol/messages.js";
import { RawConnection } from "../daemon-fixture.js";

export type Outcome =
  | { readonly reply: VeloResponse }
  | { readonly error: string; readonly message: string }
  /** `late`: whoever could do it may still be there, and do it. */
  | { readonly lost: "dead" | "late"; readonly why: string };

export interface Line {
  readonly name: string;
  /** True when what one connection was told holds for the next request, too: the library may have made another connection meanwhile. */
  readonly staysBound: boolean;
  /** Requests are sent in the order of the calls. Never rejects. */
  call(request: VeloRequest): Promise<Outcome>;
  close(): void;
}

/** Codes of an answer that is about the daemon, not about the request. */
const LOST = new Set(["ECONNRESET", "ECONNREFUSED", "ETIMEDOUT", "VRIFT_NO_DAEMON", "EPIPE"]);

export class LibraryLine implements Line {
  readonly name: string;
  readonly staysBound = false;
  readonly #client: VriftClient;

  constructor(name: string, client: VriftClient) {
    this.name = name;
    this.#client = client;
  }

  async call(request: VeloRequest): Promise<Outcome> {
    try {
      return { reply: await this.#client.request(request) };
    } catch (error) {
      if (!(error instanceof VriftError)) throw error;
      if (!LOST.has(error.code)) return { error: error.code, message: error.message };
      // Refused at once: whoever asks again at once only keeps the daemon from starting.
      if (error.code === "ECONNREFUSED") await wait(10);
      const late = error instanceof UnansweredError && error.sent;
      return { lost: late ? "late" : "dead", why: error.message };
    }
  }

  close(): void {
    this.#client.close();
  }
}

/** One socket, made again by whoever asks next when it has broken. */
export class RawLine implements Line {
  readonly name: string;
  readonly staysBound = true;
  readonly #path: string;
  readonly #first: VeloRequest | undefined;
  /** What a broken connection leaves undone may be done later. */
  readonly #late: boolean;
  #raw: Promise<RawConnection> | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** @param first sent on every new connection. */
  constructor(name: string, path: string, first: VeloRequest | undefined) {
    this.name = name;
    this.#path = path;
    this.#first = first;
    this.#late = first !== undefined;
  }

  async call(request: VeloRequest): Promise<Outcome> {
    this.#raw ??= this.#connect();
    const ours = this.#raw;
    const raw = await ours;
    raw.send(request);
    // Replies come in order: each waits for the one before.
    const reply = this.#turn.then(() => raw.reply().catch(() => undefined));
    this.#turn = reply;
    return this.#judge(await reply, ours);
  }

  #judge(reply: VeloResponse | undefined, ours: Promise<RawConnection>): Outcome {
    if (reply === undefined) {
      if (this.#raw === ours) this.#raw = undefined;
      return { lost: this.#late ? "late" : "dead", why: "the connection ended" };
    }
    if (reply.type !== "Error") return { reply };
    const [, code = "", message = ""] = /^(\w+): (.*)$/s.exec(reply.message) ?? [];
    return LOST.has(code) ? { lost: "dead", why: reply.message } : { error: code, message };
  }

  #connect(): Promise<RawConnection> {
    return connectRaw(this.#path, this.#first, () => this.#closed);
  }

  close(): void {
    this.#closed = true;
    void this.#raw?.then((raw) => raw.close()).catch(() => undefined);
  }
}

/** Tries until somebody is there, and has answered `first`. Throws when nobody wants it any more. */
export async function connectRaw(
  path: string,
  first: VeloRequest | undefined,
  isClosed: () => boolean,
): Promise<RawConnection> {
  while (!isClosed()) {
    const socket = connectSocket({ path });
    try {
      await once(socket, "connect");
      const raw = new RawConnection(socket);
      if (first === undefined) return raw;
      const reply = await raw.call(first).catch(() => undefined);
      if (reply?.type === "RegisterAck") return raw;
    } catch {
      // Nobody there yet.
    }
    socket.destroy();
    await wait(20);
  }
  throw new Error("the line was closed");
}

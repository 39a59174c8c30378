import { VriftError } from "../platform/errors.js";
import { resolveHome } from "../platform/paths.js";
import { decodeResponse } from "../protocol/decode.js";
import { encodeRequest } from "../protocol/encode.js";
import { FrameReader, encodeFrame } from "../protocol/frame.js";
import type {
  DirEntry,
  ReplyTo,
  Request,
  VeloRequest,
  VeloResponse,
  VnodeEntry,
} from "../protocol/messages.js";
import { requests } from "../protocol/schema.js";
import { PROTOCOL_VERSION, checkVersion } from "../protocol/version.js";
import { parseWireError } from "../protocol/wire-error.js";
import { Exchange } from "./exchange.js";
import { openSocket, withDeadline } from "./open-socket.js";
import type { OpenOptions } from "./open-socket.js";

export interface ConnectOptions extends OpenOptions {
  /** The daemon's socket; by default that of the home (VRIFT_HOME, VRIFT_SOCKET). */
  readonly socketPath?: string;
}

/**
 * A client of vriftd. Nothing happens before the first request. Requests may be made without waiting for earlier ones:
 * they are sent and answered in order. When the connection breaks, what was not answered is rejected (it may or may
 * not have been done; nothing is sent twice) and the next request connects again, bound to the same workspace. Locks
 * belong to a connection and end with it.
 */
export function connect(options: ConnectOptions = {}): VriftClient {
  return new VriftClient(options);
}

export class VriftClient {
  readonly #options: ConnectOptions;
  readonly #socketPath: string;
  #exchange: Promise<Exchange<Buffer>> | undefined;
  /** Told again after a reconnect. */
  #registered: Request<"RegisterWorkspace"> | undefined;
  #current: Exchange<Buffer> | undefined;
  /** Aborted by close. */
  readonly #end = new AbortController();

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#socketPath = options.socketPath ?? resolveHome().daemonSocket;
  }

  /**
   * Sends a request; resolves with what the specification answers it with.
   * @throws VriftError with the code of the daemon's `Error`; of connecting (openSocket, EPROTO when the versions do not
   *   match); ECONNRESET when the connection broke; EINVAL, EMSGSIZE for a request that cannot be sent; EBADMSG, EPROTO for a
   *   reply that cannot be understood.
   */
  async request<M extends VeloRequest>(message: M): Promise<ReplyTo<M["type"]>> {
    const frame = encodeFrame(encodeRequest(message));
    const exchange = await this.#connected();
    const reply = await converse(exchange, message, frame);
    if (message.type === "RegisterWorkspace") this.#registered = message;
    return reply;
  }

  /** A text that starts with `ready`. */
  async status(): Promise<string> {
    return (await this.request({ type: "Status" })).status;
  }

  /** Opens the workspace of a directory and binds this client to it. Resolves with its id. */
  async register(projectRoot: string): Promise<string> {
    return (await this.request({ type: "RegisterWorkspace", project_root: projectRoot })).workspace_id;
  }

  /** null when there is no such entry. */
  async get(path: string): Promise<VnodeEntry | null> {
    return (await this.request({ type: "ManifestGet", path })).entry;
  }

  /** Sorted by name. */
  async list(path: string): Promise<readonly DirEntry[]> {
    return (await this.request({ type: "ManifestListDir", path })).entries;
  }

  /** The resulting entry. A file's content must be in the store. */
  async upsert(path: string, entry: VnodeEntry): Promise<VnodeEntry | null> {
    return (await this.request({ type: "ManifestUpsert", path, entry })).entry;
  }

  async remove(path: string): Promise<void> {
    await this.request({ type: "ManifestRemove", path });
  }

  /** Claims that the store has a blob; the daemon verifies it. */
  async casInsert(hash: Uint8Array, size: bigint): Promise<void> {
    await this.request({ type: "CasInsert", hash, size });
  }

  /** Size of a blob, or null when the store does not have it. */
  async casSize(hash: Uint8Array): Promise<bigint | null> {
    const reply = await this.request({ type: "CasGet", hash });
    return reply.type === "CasFound" ? reply.size : null;
  }

  /** Ends the connection for good; what waits for an answer, or for a connection, is rejected with ECONNRESET. */
  close(): void {
    this.#end.abort(new VriftError("ECONNRESET", "the client was closed"));
    this.#current?.close();
  }

  async #connected(): Promise<Exchange<Buffer>> {
    this.#end.signal.throwIfAborted();
    const known = this.#exchange;
    if (known !== undefined) {
      const exchange = await known;
      if (exchange.usable) return exchange;
      // Whoever finds it broken first replaces it; the others share the new one.
      if (this.#exchange === known) this.#exchange = undefined;
      return await this.#connected();
    }
    const opening = this.#open();
    this.#exchange = opening;
    try {
      return await opening;
    } catch (error) {
      if (this.#exchange === opening) this.#exchange = undefined;
      throw error;
    }
  }

  async #open(): Promise<Exchange<Buffer>> {
    const registered = this.#registered;
    const options = { ...this.#options, signal: this.#connectSignal() };
    const socket = await openSocket(this.#socketPath, options);
    const exchange = new Exchange(socket, new FrameReader());
    this.#current = exchange;
    try {
      await withDeadline(`the handshake on ${this.#socketPath}`, options, (signal) =>
        handshake(exchange, signal),
      );
      if (registered !== undefined) await converse(exchange, registered);
    } catch (error) {
      exchange.close();
      throw error;
    }
    return exchange;
  }

  #connectSignal(): AbortSignal {
    const { signal } = this.#options;
    return signal === undefined ? this.#end.signal : AbortSignal.any([signal, this.#end.signal]);
  }
}

/** A daemon that is stopped accepts connections all the same: only an answer shows that somebody is there. */
async function handshake(exchange: Exchange<Buffer>, signal: AbortSignal): Promise<void> {
  const giveUp = (): void => exchange.close();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    const reply = await converse(exchange, { type: "Handshake", client_version: PROTOCOL_VERSION });
    checkVersion(reply.server_version);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

async function converse<M extends VeloRequest>(
  exchange: Exchange<Buffer>,
  message: M,
  frame = encodeFrame(encodeRequest(message)),
): Promise<ReplyTo<M["type"]>> {
  return paired(message, decodeResponse(await exchange.send(frame, message.type)));
}

/** The reply as the type that belongs to the request. */
function paired<M extends VeloRequest>(message: M, reply: VeloResponse): ReplyTo<M["type"]> {
  if (reply.type === "Error") throw parseWireError(reply.message);
  const expected: readonly string[] = requests[message.type].replies;
  if (!expected.includes(reply.type)) {
    throw new VriftError(
      "EPROTO",
      `${message.type} was answered with ${reply.type}, not ${expected.join(" or ")}`,
    );
  }
  return reply as unknown as ReplyTo<M["type"]>;
}

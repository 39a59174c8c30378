/** The asking side of the control sockets: what the specification's messages cannot say (src/daemon/control.ts). */
import type {
  ControlOperations,
  ControlReply,
  OperationName,
  Operations,
  ProjectOperations,
  ReplyOf,
  RequestOf,
} from "../daemon/control.js";
import { VriftError, isErrorCode } from "../platform/errors.js";
import { CONTROL_LINE_MAX } from "../platform/limits.js";
import { resolveHome } from "../platform/paths.js";
import { LineReader } from "../protocol/line-reader.js";
import { Exchange } from "./exchange.js";
import { openSocket } from "./open-socket.js";
import type { OpenOptions } from "./open-socket.js";

export interface ControlOptions extends OpenOptions {
  /** By default that of the home. */
  readonly socketPath?: string;
}

/** Connects to vriftd. @throws VriftError as openSocket does. */
export async function connectControl(options: ControlOptions = {}): Promise<ControlClient> {
  const socket = await openSocket(options.socketPath ?? resolveHome().controlSocket, options);
  return new LineClient(new Exchange(socket, new LineReader()));
}

/** Connects to a project's vdir_d. @throws VriftError as openSocket does. */
export async function connectProjectControl(
  socketPath: string,
  options: OpenOptions = {},
): Promise<ProjectControlClient> {
  return new LineClient(new Exchange(await openSocket(socketPath, options), new LineReader()));
}

export type ControlClient = LineClient<ControlOperations>;
export type ProjectControlClient = LineClient<ProjectOperations>;

/** One connection; it is not made again when it breaks. Calls may overlap, replies come in order. */
export class LineClient<T extends Operations<T>> {
  readonly #exchange: Exchange<string>;

  constructor(exchange: Exchange<string>) {
    this.#exchange = exchange;
  }

  /** @throws VriftError with the daemon's code; ECONNRESET when the connection broke; EMSGSIZE when the request is too long. */
  async call<K extends OperationName<T>>(op: K, request: RequestOf<T, K>): Promise<ReplyOf<T, K>> {
    const line = `${JSON.stringify({ op, ...request })}\n`;
    if (Buffer.byteLength(line) > CONTROL_LINE_MAX) {
      throw new VriftError("EMSGSIZE", `${op} is over ${CONTROL_LINE_MAX} bytes; send smaller parts`);
    }
    const reply = parseReply<ReplyOf<T, K>>(op, await this.#exchange.send(line, op));
    if (reply.ok) return reply;
    throw isErrorCode(reply.code)
      ? new VriftError(reply.code, reply.message)
      : new VriftError("EIO", `${reply.code}: ${reply.message}`);
  }

  get usable(): boolean {
    return this.#exchange.usable;
  }

  /** Called once, when the connection has ended for whatever reason. */
  set onEnd(callback: () => void) {
    this.#exchange.onEnd = callback;
  }

  close(): void {
    this.#exchange.close();
  }
}

/** The daemon is of our build and uid, so its object is taken at its word; only that it is a reply is checked. */
function parseReply<R>(op: string, line: string): ControlReply<R> {
  let reply: unknown;
  try {
    reply = JSON.parse(line);
  } catch (error) {
    throw new VriftError("EBADMSG", `${op} was answered with a line that is not JSON`, { cause: error });
  }
  if (typeof reply !== "object" || reply === null || typeof (reply as { ok?: unknown }).ok !== "boolean") {
    throw new VriftError("EBADMSG", `${op} was answered with what is not a reply`);
  }
  return reply as ControlReply<R>;
}

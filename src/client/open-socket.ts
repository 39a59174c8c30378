/** A connected Unix socket to a peer of our own uid, or a clear error. */
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { VriftError, toVriftError } from "../platform/errors.js";
import { CONNECT_TIMEOUT_MS } from "../platform/limits.js";
import { SOCKET_PATH_MAX } from "../platform/paths.js";
import { checkPeer } from "./peer.js";

export interface OpenOptions {
  /** Milliseconds until ETIMEDOUT; the specification's 5 seconds by default. */
  readonly timeoutMs?: number;
  /** Gives up connecting with the signal's reason. It does not end a connection that is made. */
  readonly signal?: AbortSignal;
  /** True: a daemon that is not there is waited for until the timeout, as when it is just being started. By default it is ECONNREFUSED at once. */
  readonly waitForDaemon?: boolean;
}

/**
 * Milliseconds between attempts: a peer that does not accept leaves its queue full (the kernel then says EAGAIN at once
 * instead of waiting), and one that is being started is not there yet.
 */
const RETRY_MS = 20;

/**
 * @throws VriftError ECONNREFUSED when nobody listens, ETIMEDOUT, EPERM when the peer is another user's, ENAMETOOLONG
 *   for a path that does not fit into a socket address (Node would cut it and connect to another socket).
 */
export async function openSocket(path: string, options: OpenOptions = {}): Promise<Socket> {
  const absentUntil = options.waitForDaemon === true ? Infinity : 0;
  return await withDeadline(
    () => `connecting to ${path}`,
    options,
    async (signal) => dial(path, signal, absentUntil),
  );
}

/**
 * As openSocket, without a deadline of its own.
 * @param absentUntil `performance.now()` until which a peer that is not there is waited for.
 */
export async function dial(path: string, signal: AbortSignal, absentUntil: number): Promise<Socket> {
  if (Buffer.byteLength(path) > SOCKET_PATH_MAX) {
    throw new VriftError("ENAMETOOLONG", `the socket path ${path} is over ${SOCKET_PATH_MAX} bytes`);
  }
  for (;;) {
    try {
      const socket = await attempt(path, signal);
      if (socket !== undefined) return socket;
    } catch (error) {
      if (!isAbsent(error) || performance.now() >= absentUntil) throw error;
    }
    await wait(RETRY_MS, undefined, { signal });
  }
}

/** Nobody listens. */
export function isAbsent(error: unknown): boolean {
  return error instanceof VriftError && error.code === "ECONNREFUSED";
}

/** Runs `work` with a signal that ends at the timeout or with the caller's, and says which it was. @param doing for the message. */
export async function withDeadline<T>(
  doing: () => string,
  { timeoutMs = CONNECT_TIMEOUT_MS, signal }: OpenOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    return await work(signal === undefined ? deadline : AbortSignal.any([deadline, signal]));
  } catch (error) {
    signal?.throwIfAborted();
    if (!deadline.aborted) throw error;
    throw new VriftError("ETIMEDOUT", `${doing()} took more than ${timeoutMs} ms`, { cause: error });
  }
}

/** undefined: the queue of the listening socket is full. */
async function attempt(path: string, signal: AbortSignal): Promise<Socket | undefined> {
  const socket = connect({ path });
  // An error between here and the first listener of the caller must not end the process; the caller sees `destroyed`.
  socket.on("error", () => undefined);
  try {
    await once(socket, "connect", { signal });
    await checkPeer(socket, path);
    return socket;
  } catch (error) {
    socket.destroy();
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EAGAIN") return undefined;
    // ECONNRESET: it was killed with us in its queue.
    if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ECONNRESET") {
      throw new VriftError("ECONNREFUSED", `nobody listens on ${path}`, { cause: error });
    }
    throw signal.aborted ? error : toVriftError(error);
  }
}

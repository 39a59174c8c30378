/**
 * How a daemon becomes another process without a moment in which nobody listens: the successor inherits the lock and the
 * listening sockets as descriptors, is given connections over the channel between the two, and says when it serves.
 *
 *   successor: "loaded" · before: {connection} with its socket, any number · before: "go" · successor: "serves"
 */
import type { ChildProcess } from "node:child_process";
import { Socket } from "node:net";
import { VriftError } from "../platform/errors.js";
import type { OwnerLock } from "../workspace/owner-lock.js";
import type { Detached } from "./connection.js";
import type { GivenSockets } from "./given-sockets.js";
import type { Listener } from "./listener.js";
import { spawnDetached } from "../platform/spawn-detached.js";
import { processState } from "../platform/process-state.js";

export interface Successor {
  readonly pid: number;
  /** Resolves when the successor has the connection; rejects when it has ended. */
  give(connection: Detached): Promise<void>;
  /** Everything was given. Resolves when it serves; rejects when it ends instead. */
  serves(): Promise<void>;
  /** VRIFT_NO_DAEMON, with what it said last. */
  failure(what: string, cause?: unknown): VriftError;
}

/** What the process before gives. */
export interface Inheritance {
  /** Descriptor that carries the lock. */
  readonly lock: number;
  /** Listening sockets by their path. */
  readonly sockets: GivenSockets;
  /** Resolves with the connections when it lets us begin. */
  given(): Promise<Detached[]>;
  serving(): void;
}

interface SuccessorOptions {
  readonly log: string;
  readonly lock: OwnerLock;
  readonly listeners: readonly Listener[];
  /** What it finds in its environment besides. */
  readonly env?: NodeJS.ProcessEnv;
  /** It goes on with our standard error instead of the log. */
  readonly sameStderr?: boolean;
}

/** What is said of a listening socket in the environment; their descriptors follow the lock's. */
type Listening = readonly [path: string, keepName: boolean];

/** Bytes in base64. */
interface GivenConnection {
  readonly connection: string;
  readonly carried?: string | undefined;
}

type Message = "loaded" | "go" | "serves" | GivenConnection;

const VARIABLE = "VRIFT_INHERITED";
/** 0 to 2 are the standard ones, 3 is the channel between the two. */
const FIRST_FD = 4;
const LOAD_TIMEOUT_MS = 20_000;
/** A successor that somebody stopped is killed after so long: everybody who was handed over waits for it. */
const FROZEN_MS = 10_000;
const FROZEN_POLL_MS = 500;

/** @throws VriftError VRIFT_NO_DAEMON: then nothing has changed. */
export async function startSuccessor(
  entry: string,
  args: readonly string[],
  { log, lock, listeners, env = {}, sameStderr = false }: SuccessorOptions,
): Promise<Successor> {
  const names = JSON.stringify(listeners.map(({ path, keepsName }): Listening => [path, keepsName]));
  const { child, failure } = spawnDetached(entry, args, {
    log,
    env: { ...process.env, ...env, [VARIABLE]: names },
    sameStderr,
    inherit: [lock.fd, ...listeners.map(({ fd }) => fd)],
  });
  const ended = endOf(child);
  const timer = setTimeout(() => child.kill("SIGKILL"), LOAD_TIMEOUT_MS);
  try {
    await Promise.race([told(child, "loaded"), ended]);
  } catch (error) {
    throw failure("the successor does not start", error);
  } finally {
    clearTimeout(timer);
  }
  killWhenFrozen(child);
  return {
    pid: child.pid!,
    failure,
    // Node forgets what waits for a child that has ended: neither `send` nor `told` would ever say so.
    give: ({ socket, rest, carried }) =>
      Promise.race([
        send(child, { connection: base64(rest), carried: carried && base64(carried.bytes) }, socket),
        ended,
      ]),
    serves: async () => {
      const serving = told(child, "serves");
      await Promise.race([send(child, "go").then(() => serving), ended]);
      child.disconnect();
    },
  };
}

/** undefined for a process that starts by itself. Call it once, first of all. */
export function inheritance(): Inheritance | undefined {
  const names = process.env[VARIABLE];
  delete process.env[VARIABLE];
  if (names === undefined) return undefined;
  const sockets = JSON.parse(names) as Listening[];
  return {
    lock: FIRST_FD,
    sockets: new Map(sockets.map(([path, keepName], i) => [path, { fd: FIRST_FD + 1 + i, keepName }])),
    given,
    serving: () => process.send?.("serves" satisfies Message, undefined, {}, () => process.disconnect()),
  };
}

/** Descriptors that are meant for us. */
export function inheritedDescriptors(inherited: Inheritance | undefined): number[] {
  return inherited === undefined
    ? []
    : [FIRST_FD - 1, inherited.lock, ...[...inherited.sockets.values()].map(({ fd }) => fd)];
}

/** The process before must not be able to end in the middle: without it nobody would have what it was about to give. */
function given(): Promise<Detached[]> {
  return new Promise((resolve, reject) => {
    const connections: Detached[] = [];
    process.on("message", (message: Message, handle: unknown) => {
      if (message === "go") resolve(connections);
      else if (typeof message === "object" && handle instanceof Socket)
        connections.push(received(handle, message));
    });
    process.once("disconnect", () => reject(new VriftError("ECONNRESET", "the process before has ended")));
    process.send?.("loaded" satisfies Message);
  });
}

function base64(bytes: Buffer): string {
  return bytes.toString("base64");
}

function received(socket: Socket, { connection, carried }: GivenConnection): Detached {
  socket.pause();
  socket.allowHalfOpen = true;
  socket.on("error", () => undefined);
  return {
    socket,
    rest: Buffer.from(connection, "base64"),
    ...(carried === undefined
      ? {}
      : { carried: { bytes: Buffer.from(carried, "base64"), release: () => undefined } }),
  };
}

function told(child: ChildProcess, expected: Message): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("message", (message) =>
      message === expected ? resolve() : reject(new Error(`unexpected: ${JSON.stringify(message)}`)),
    );
  });
}

/** Rejects when it has ended; whenever that is looked at. */
function endOf(child: ChildProcess): Promise<never> {
  const ended = new Promise<never>((_, reject) => {
    child.once("exit", (code, signal) => reject(new Error(`it ended with ${code ?? signal}`)));
    child.on("error", reject);
  });
  ended.catch(() => undefined);
  return ended;
}

/** Until it serves: then whoever talks to it sees for himself. */
function killWhenFrozen(child: ChildProcess): void {
  let stoppedMs = 0;
  const timer = setInterval(() => {
    stoppedMs = processState(child.pid!)?.state === "T" ? stoppedMs + FROZEN_POLL_MS : 0;
    if (stoppedMs >= FROZEN_MS) child.kill("SIGKILL");
  }, FROZEN_POLL_MS);
  timer.unref();
  child.once("disconnect", () => clearInterval(timer));
}

function send(child: ChildProcess, message: Message, handle?: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    child.send(message, handle, {}, (error) => (error === null ? resolve() : reject(error)));
  });
}

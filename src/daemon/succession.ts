/**
 * How a daemon becomes another process without a moment in which nobody listens: the successor inherits the lock and the
 * listening sockets as descriptors, and says when it serves.
 */
import type { ChildProcess } from "node:child_process";
import { VriftError } from "../platform/errors.js";
import type { OwnerLock } from "../workspace/owner-lock.js";
import type { Listener } from "./listener.js";
import { lastLine, spawnDetached } from "./spawn-detached.js";

/** Descriptors, by what they are; the first one is that of the lock. */
export interface Inheritance {
  readonly lock: number;
  /** Listening sockets by their path. */
  readonly sockets: ReadonlyMap<string, number>;
}

interface SuccessorOptions {
  readonly log: string;
  readonly lock: OwnerLock;
  readonly listeners: readonly Listener[];
}

const VARIABLE = "VRIFT_INHERITED";
/** 0 to 2 are the standard ones, 3 is the channel between the two. */
const FIRST_FD = 4;
const SERVES = "serves";
const START_TIMEOUT_MS = 20_000;

/** Resolves with the successor's pid when it serves. @throws VriftError VRIFT_NO_DAEMON: then nothing has changed. */
export async function startSuccessor(entry: string, options: SuccessorOptions): Promise<number> {
  const { log, lock, listeners } = options;
  const names = JSON.stringify(listeners.map(({ path }) => path));
  const { child } = spawnDetached(entry, [], {
    log,
    env: { ...process.env, [VARIABLE]: names },
    inherit: [lock.fd, ...listeners.map(({ fd }) => fd)],
  });
  try {
    await untilServes(child);
  } catch (error) {
    child.kill("SIGKILL");
    const last = lastLine(log);
    throw new VriftError("VRIFT_NO_DAEMON", `the successor does not start; it says: ${last}`, {
      cause: error,
    });
  }
  child.disconnect();
  return child.pid!;
}

/** What the process before gave us; undefined for one that starts by itself. */
export function inheritance(): Inheritance | undefined {
  const names = process.env[VARIABLE];
  delete process.env[VARIABLE];
  if (names === undefined) return undefined;
  const paths = JSON.parse(names) as string[];
  return { lock: FIRST_FD, sockets: new Map(paths.map((path, i) => [path, FIRST_FD + 1 + i])) };
}

/** Descriptors that are meant for us. */
export function inheritedDescriptors(inherited: Inheritance | undefined): number[] {
  return inherited === undefined ? [] : [FIRST_FD - 1, inherited.lock, ...inherited.sockets.values()];
}

/** For the successor: tells the process before. */
export function announceServing(): void {
  process.send?.(SERVES, undefined, {}, () => process.disconnect());
}

function untilServes(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no answer in time")), START_TIMEOUT_MS);
    const settle = (outcome: () => void): void => {
      clearTimeout(timer);
      outcome();
    };
    child.once("message", (message) =>
      settle(() => (message === SERVES ? resolve() : reject(new Error(String(message))))),
    );
    child.once("exit", (code) => settle(() => reject(new Error(`exit code ${code}`))));
    child.once("error", (error) => settle(() => reject(error)));
  });
}

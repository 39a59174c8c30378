/** What every daemon's process does around its work: who it is, its lock, its signals, its end. */
import { closeSync, readFileSync, readdirSync, writeSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { isCommitFailure } from "../manifest/lmdb-table.js";
import { toVriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import type { Log } from "../platform/log.js";
import { native } from "../platform/native.js";
import type { OwnerLock } from "../workspace/owner-lock.js";
import { takeOwnerLock } from "../workspace/owner-lock.js";
import { answers } from "./listener.js";

/** The holder of the lock may be starting or stopping: so long it is given to answer or to go. */
const RIVAL_WAIT_MS = 5000;
const RIVAL_POLL_MS = 20;
/** sysexits.h EX_TEMPFAIL. */
const EXIT_TEMPORARY = 75;

export interface Stoppable {
  onStopped: () => void;
  stop(): Promise<void>;
}

/** @param inherited descriptors that are meant for us. */
export function becomeDaemon(name: string, inherited: readonly number[] = []): void {
  process.umask(0o077);
  closeInherited(new Set(inherited));
  process.chdir("/");
  native.setProcessName(name);
}

/** The lock; or the process ends, because another one serves (0) or holds the lock and says nothing (75). */
export async function lockOrLeave(path: string, socket: string, log: Log): Promise<OwnerLock> {
  const deadline = Date.now() + RIVAL_WAIT_MS;
  for (;;) {
    const lock = takeOwnerLock(path);
    if (lock !== undefined) return lock;
    if (await answers(socket)) process.exit(0);
    if (Date.now() > deadline) {
      log.warn("another process holds the lock and does not answer", { lock: path });
      process.exit(EXIT_TEMPORARY);
    }
    await wait(RIVAL_POLL_MS);
  }
}

/** SIGTERM and SIGINT stop it in order; what nobody thought of ends it. */
export function runDaemon(daemon: Stoppable, log: Log): void {
  daemon.onStopped = () => process.exit();
  // Libraries print to descriptor 2, which is the log: on a full disk that must not end us.
  // oxlint-disable-next-line no-restricted-properties -- nothing is printed: their errors are heard
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void daemon.stop());
  process.on("SIGHUP", () => undefined);
  // A file beyond the limit of whoever started us is an error of that write (EFBIG), not our end.
  process.on("SIGXFSZ", () => undefined);
  process.on("uncaughtException", (error) => die(log, error));
  process.on("unhandledRejection", (error) => {
    if (!isCommitFailure(error)) die(log, error);
  });
}

/** For what goes wrong before there is a log; descriptor 2 is the log of whoever started us. */
export function writeFailure(name: string, error: unknown): never {
  writeSync(2, `${name}: ${toVriftError(error).toWire()}\n`);
  process.exit(1);
}

/**
 * Descriptors that whoever started us forgot to close would live as long as we do: a lock held for ever, a pipe that never
 * ends. Our own are close-on-exec, inherited ones beyond those that Node marked itself are not.
 */
function closeInherited(meant: ReadonlySet<number>): void {
  for (const name of readdirSync("/proc/self/fd")) {
    const fd = Number(name);
    if (fd <= 2 || meant.has(fd)) continue;
    try {
      const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, "latin1"))?.[1];
      if (flags !== undefined && (parseInt(flags, 8) & 0o2000000) === 0) closeSync(fd);
    } catch (error) {
      if (!isErrno(error, "ENOENT", "EBADF")) throw error;
    }
  }
}

/** A state nobody thought of: what is acknowledged is durable, so the safe thing is to end and let the next one open it. */
function die(log: Log, error: unknown): never {
  log.error("fatal", error);
  process.exit(1);
}

/**
 * How a daemon's process begins, up to the lock. Of many that are started at once all but one end here, so that little is loaded by
 * then: the rest, which takes three times as long, comes after it.
 */
import { closeSync, readFileSync, readdirSync, writeSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { toVriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import type { Log } from "../platform/log.js";
import { native } from "../platform/native.js";
import type { OwnerLock } from "../workspace/owner-lock.js";
import { takeOwnerLock } from "../workspace/owner-lock.js";
import { answers } from "./listener.js";

/** The holder of the lock may be starting or stopping: so long it is given to answer or to go. */
const RIVAL_WAIT_MS = 15_000;
const RIVAL_POLL_MS = 20;
/** sysexits.h EX_TEMPFAIL. */
const EXIT_TEMPORARY = 75;

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

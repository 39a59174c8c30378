/**
 * How a daemon's process begins, up to the lock. Of many that are started at once all but one end here, so that little is loaded by
 * then: the rest, which takes three times as long, comes after it.
 */
import { closeSync, fstatSync, readFileSync, readdirSync, readlinkSync, writeSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { toVriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import type { Log } from "../platform/log.js";
import { native } from "../platform/native.js";
import type { OwnerLock } from "../workspace/owner-lock.js";
import { processState } from "../platform/process-state.js";
import { ownerOf, takeOwnerLock } from "../workspace/owner-lock.js";
import type { GivenSocket } from "./given-sockets.js";
import { answers } from "./listener.js";

/** The holder of the lock may be starting or stopping: so long it is given to answer or to go. */
const RIVAL_WAIT_MS = 15_000;
const RIVAL_POLL_MS = 20;
/** One that is asked to end makes everything durable first. */
const RIVAL_STOP_MS = 30_000;
/** sysexits.h EX_TEMPFAIL. */
const EXIT_TEMPORARY = 75;

/** @param inherited descriptors that are meant for us. */
export function becomeDaemon(name: string, inherited: readonly number[] = []): void {
  process.umask(0o077);
  closeInherited(new Set(inherited));
  process.chdir("/");
  native.setProcessName(name);
}

/**
 * The lock; or the process ends, because another one serves (0) or holds the lock and says nothing (75).
 * @param served what to do when another one serves.
 */
export async function lockOrLeave(
  path: string,
  socket: string,
  log: Log,
  served: () => never = () => process.exit(0),
): Promise<OwnerLock> {
  const deadline = Date.now() + RIVAL_WAIT_MS;
  for (;;) {
    const lock = takeOwnerLock(path);
    if (lock !== undefined) return lock;
    if (await answers(socket)) served();
    if (Date.now() > deadline) leaveLocked(path, log);
    await wait(RIVAL_POLL_MS);
  }
}

/**
 * The same for a process that was given the sockets: whoever connects to them reaches itself. A holder that has them as well serves. One
 * that has others was started before whoever listens for us took their names: nobody finds it any more, and it is asked to end.
 */
export async function lockAsActivated(
  path: string,
  name: string,
  sockets: readonly GivenSocket[],
  log: Log,
): Promise<OwnerLock> {
  const deadline = Date.now() + RIVAL_STOP_MS;
  const inodes = sockets.map(({ fd }) => fstatSync(fd).ino);
  let asked: number | undefined;
  for (;;) {
    const lock = takeOwnerLock(path);
    if (lock !== undefined) return lock;
    const holder = ownerOf(path);
    if (holder !== undefined && holder !== asked && processState(holder)?.name === name) {
      if (holdsSocket(holder, inodes)) process.exit(0);
      log.info("a daemon that nobody finds any more is asked to end", { pid: holder });
      process.kill(holder, "SIGTERM");
      asked = holder;
    }
    if (Date.now() > deadline) leaveLocked(path, log);
    await wait(RIVAL_POLL_MS);
  }
}

function leaveLocked(path: string, log: Log): never {
  log.warn("another process holds the lock and does not answer", { lock: path });
  process.exit(EXIT_TEMPORARY);
}

function holdsSocket(pid: number, inodes: readonly number[]): boolean {
  const names = new Set(inodes.map((inode) => `socket:[${inode}]`));
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => names.has(linkOf(`/proc/${pid}/fd/${fd}`)));
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH")) return false;
    throw error;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH")) return "";
    throw error;
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

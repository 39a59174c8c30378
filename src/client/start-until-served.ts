import { setTimeout as wait } from "node:timers/promises";
import type { Detached } from "../platform/spawn-detached.js";

const POLL_MS = 5;
/** Exit codes above say that somebody killed it. */
export const KILLED = 128;
/** Processes that end in order before anybody has found them, one after the other. */
const STARTS_MAX = 5;

export interface Starting<T> {
  readonly start: () => Detached;
  /** undefined: nobody is there yet. */
  readonly find: () => Promise<T | undefined>;
  /** Whether somebody is there who will be found. */
  readonly isComing: () => Promise<boolean>;
  /** What has gone wrong when the last one that was started has ended so, or (undefined) was not found in time. */
  readonly failed: (started: Detached, code: number | undefined) => Error;
  /** One that something has killed is followed by another. By default it has failed. */
  readonly afterKill?: boolean;
  /** For each start; without end by default. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Starts a process until somebody is found who serves: that one, or another that was faster. One that has ended with 0 has seen
 * somebody who serves, or has served itself; when that one is gone as well, another is started.
 */
export async function startUntilServed<T>(starting: Starting<T>): Promise<T> {
  const { start, find, isComing, failed, afterKill = false, timeoutMs = Infinity, signal } = starting;
  for (let starts = 1; ; starts++) {
    const started = start();
    for (const begun = performance.now(); ; await wait(POLL_MS, undefined, { signal })) {
      // Before the look: what has ended since is seen by the next one.
      const code = started.exit();
      const found = await find();
      if (found !== undefined) return found;
      const isFollowed = code === 0 || (code !== undefined && code > KILLED && afterKill);
      if (code !== undefined && !(isFollowed && starts < STARTS_MAX) && code !== 0)
        throw failed(started, code);
      if (performance.now() - begun > timeoutMs) throw failed(started, undefined);
      if (isFollowed && starts < STARTS_MAX && !(await isComing())) break;
    }
  }
}

/** When a file that programs have written is committed: how long it has to be quiet (docs/commit.md). Pure. */
import { COMMIT_AT_ONCE_BYTES } from "../platform/limits.js";

const SMALL_PAUSE_MS = 1000;
const LARGE_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 3_600_000;

/** The first time. */
export function firstPauseMs(size: bigint): number {
  return size <= BigInt(COMMIT_AT_ONCE_BYTES) ? SMALL_PAUSE_MS : LARGE_PAUSE_MS;
}

/** After it was committed, or could not be, and has changed: what is written all the time costs the store a copy an hour at most. */
export function longerPauseMs(pauseMs: number): number {
  return Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
}

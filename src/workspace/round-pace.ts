/**
 * When the next round of a solid tree is due. Soon after a single change, so that the index answers again; once a second while changes
 * keep coming, because what a build writes is looked at best when it is done, and the processor is the build's.
 */
const SOONEST_MS = 30;
const LATEST_MS = 1000;
/** Changes that come within so long of a round belong to those before it. */
const QUIET_MS = 150;
/** Of the time: one part of so many and one. */
const SHARE = 9;

export class RoundPace {
  #endedMs = -Infinity;
  #lastedMs = 0;
  #pauseMs = SOONEST_MS;

  /** Milliseconds from now. */
  next(): number {
    const isQuiet = performance.now() - this.#endedMs > QUIET_MS;
    this.#pauseMs = isQuiet ? SOONEST_MS : Math.min(this.#pauseMs * 2, LATEST_MS);
    return Math.max(this.#pauseMs, SHARE * this.#lastedMs);
  }

  /** Milliseconds since the last round. */
  get restedMs(): number {
    return performance.now() - this.#endedMs;
  }

  ended(lastedMs: number): void {
    this.#endedMs = performance.now();
    this.#lastedMs = lastedMs;
  }
}

/**
 * Makes entries of a solid tree EXACT (docs/solid.md), in pieces between which everybody else has their turn, and comes back when those
 * are due that were too young. Nothing waits for it but `vrift sync`.
 */
import type { Tree } from "./tree.js";
import type { TurnQueue } from "./turn-queue.js";

/** Entries in a piece: some ten milliseconds of statx and leases. */
const PIECE = 4096;
/** Those that somebody has open for writing, and no event when that ends (the watcher tells nearly always). */
const AGAIN_MS = 10_000;
const SOONEST_MS = 200;
const LATER_MS = 50;
const NONE = (1n << 63n) - 1n;

export class Settling {
  readonly #tree: Tree;
  readonly #turns: TurnQueue;
  readonly #settleNs: bigint;
  #timer: NodeJS.Timeout | undefined;
  #laterTimer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #wanted = false;
  #closed = false;
  /** How many are not EXACT yet that could be. */
  left = 0;

  constructor(tree: Tree, turns: TurnQueue, settleMs: number) {
    this.#tree = tree;
    this.#turns = turns;
    this.#settleNs = BigInt(settleMs) * 1_000_000n;
  }

  /** After a round: what it has left YOUNG is looked at. */
  soon(): void {
    this.#wanted = true;
    if (this.#closed || this.#running !== undefined) return;
    this.#running = this.#go().finally(() => {
      this.#running = undefined;
      if (this.#wanted) this.soon();
    });
    this.#running.catch((error: unknown) => {
      if (!this.#closed) this.#tree.log.error("settling failed", error, { root: this.#tree.root });
    });
  }

  /** After a change of a few entries by a request. */
  later(): void {
    if (this.#closed || this.#laterTimer !== undefined) return;
    this.#laterTimer = setTimeout(() => {
      this.#laterTimer = undefined;
      this.soon();
    }, LATER_MS);
    this.#laterTimer.unref();
  }

  /** Everything, EXACT or not. Keys of names that are something else by now: their marks have been moved for the next round. */
  async all(): Promise<string[]> {
    await this.#running?.catch(() => undefined);
    return this.#pass(true);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#laterTimer);
  }

  async #go(): Promise<void> {
    while (this.#wanted && !this.#closed) {
      this.#wanted = false;
      await this.#pass(false);
    }
  }

  async #pass(all: boolean): Promise<string[]> {
    const changed: string[] = [];
    let left = 0;
    let oldest = NONE;
    let from = 0;
    for (let end = false; !end && !this.#closed; from += PIECE) {
      await this.#turns.run(async () => {
        const { index, marks } = this.#tree;
        if (index === undefined || from >= index.header.entryCapacity) return void (end = true);
        const before = now() - this.#settleNs;
        const piece = index.settle({ from, to: from + PIECE, all }, before);
        left += piece.left;
        if (piece.oldestYoungNs < oldest) oldest = piece.oldestYoungNs;
        for (const key of piece.suspects) marks.bump(key);
        changed.push(...piece.suspects);
      });
    }
    this.left = left;
    if (left > 0) this.#comeBack(oldest);
    return changed;
  }

  #comeBack(oldest: bigint): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const due = oldest === NONE ? AGAIN_MS : Number((oldest + this.#settleNs - now()) / 1_000_000n);
    this.#timer = setTimeout(() => this.soon(), Math.max(SOONEST_MS, Math.min(due + 1, AGAIN_MS)));
    this.#timer.unref();
  }
}

/** CLOCK_REALTIME, to the millisecond. */
function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

/** Gives the event loop its turns in long work: others are answered meanwhile. */
import { setImmediate as nextTurn } from "node:timers/promises";

/** Longest stretch of work without a turn. */
const SLICE_MS = 4;

export class Turns {
  #since = performance.now();

  /** Returns at once while the slice lasts. */
  async pause(): Promise<void> {
    if (performance.now() - this.#since < SLICE_MS) return;
    await nextTurn();
    this.#since = performance.now();
  }
}

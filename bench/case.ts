/** A named benchmark: compares two things in one run, interleaved, and returns rows to print and keep. */
import type { Spread } from "./statistics.js";

export interface BenchRow {
  readonly what: string;
  readonly unit: string;
  /** vrift's side. */
  readonly ours: Spread;
  /** The thing compared with. */
  readonly theirs: Spread;
  /** theirs / ours, pair by pair: how many times faster. */
  readonly ratio: Spread;
}

export interface BenchContext {
  /** Small sizes and few rounds: the run in the tests. */
  readonly toy: boolean;
  /** Directory outside the project for what takes long to fetch; cases that need it, and are not a toy, make it. */
  readonly cache: string;
  /** Of cases whose rounds take minutes; undefined: what the case thinks right. */
  readonly rounds?: number;
  readonly note: (text: string) => void;
}

export interface BenchCase {
  readonly name: string;
  readonly summary: string;
  run(context: BenchContext): BenchRow[] | Promise<BenchRow[]>;
}

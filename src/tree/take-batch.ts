/** As many files into the store as one sync and one answer of the manifest's owner should wait for. */
import type { ScanEntry } from "../platform/scan.js";
import type { PhysicalReason } from "../workspace/policy.js";
import type { Progress } from "./progress.js";
import { type TakeOptions, type TakenFile, takeFile } from "../workspace/take-file.js";

/** Bounds what a kill makes to be done again. */
const BATCH_FILES = 2000;
const BATCH_BYTES = 256n << 20n;

export interface Batch {
  readonly taken: TakenFile[];
  /** Index of the first candidate after the batch. */
  readonly next: number;
  /** Sizes of all candidates up to there. */
  readonly bytes: bigint;
}

/** @param stays hears of each file that cannot go. */
export async function takeBatch(
  candidates: readonly ScanEntry[],
  start: number,
  options: TakeOptions,
  progress: Progress,
  stays: (reason: PhysicalReason) => void,
): Promise<Batch> {
  const taken: TakenFile[] = [];
  let bytes = 0n;
  let next = start;
  while (next < candidates.length && taken.length < BATCH_FILES && bytes < BATCH_BYTES) {
    const entry = candidates[next++]!;
    bytes += entry.size;
    const file = await takeFile(entry, options);
    if (typeof file === "string") stays(file);
    else taken.push(file);
    progress.advance(1, entry.size);
  }
  return { taken, next, bytes };
}

export function totalSize(entries: readonly ScanEntry[]): bigint {
  return entries.reduce((sum, { size }) => sum + size, 0n);
}

/** As many files into the store as one sync and one answer of the manifest's owner should wait for. */
import type { ScanEntry } from "../platform/scan.js";
import type { PhysicalReason } from "../workspace/policy.js";
import { type ChosenFile, type TakeOptions, type TakenFile, takeFile } from "../workspace/take-file.js";

/** Bounds what a kill makes to be done again. */
const BATCH_FILES = 8_000;
const BATCH_BYTES = 512n << 20n;

export interface Candidate extends ChosenFile, Pick<ScanEntry, "size"> {}

export interface Batch {
  readonly taken: TakenFile[];
  /** Candidates whose content is a file of the same run. */
  readonly later: Candidate[];
  /** Index of the first candidate after the batch. */
  readonly next: number;
}

/** Index of the first candidate after the batch that begins with `start`. */
export function batchEnd(candidates: readonly Candidate[], start: number): number {
  let bytes = 0n;
  let next = start;
  while (next < candidates.length && next - start < BATCH_FILES && bytes < BATCH_BYTES)
    bytes += candidates[next++]!.size;
  return next;
}

/** @param stays hears of each file that cannot go. */
export async function takeBatch(
  candidates: readonly Candidate[],
  start: number,
  options: TakeOptions,
  stays: (reason: PhysicalReason) => void,
): Promise<Batch> {
  const taken: TakenFile[] = [];
  const later: Candidate[] = [];
  const next = batchEnd(candidates, start);
  for (const candidate of candidates.slice(start, next)) {
    const file = await takeFile(candidate, options);
    if (file === "later") later.push(candidate);
    else if (typeof file === "string") stays(file);
    else taken.push(file);
  }
  return { taken, later, next };
}

export function totalSize(entries: readonly Pick<ScanEntry, "size">[]): bigint {
  return entries.reduce((sum, { size }) => sum + size, 0n);
}

/**
 * Deletes what nobody names, in two steps with a grace period between them:
 *
 *   1. the sweep's lock; leases and roots are read (one that cannot be read: nothing is touched)
 *   2. the trash of earlier sweeps: what is named goes back, what has been there for the grace period is deleted
 *   3. blobs that are not named, some hundreds at a time: renamed to the trash, then leases and roots are read again;
 *      what is named now goes back at once, and with a grace period of 0 the others are deleted at once
 *
 * The grace period is counted from the rename, which moves the inode's ctime, and nothing else here needs a record of it.
 * It is there for programs that still have an older index mapped, and for people. Without it nothing that is named would be
 * lost either: named-hashes.ts has that argument. docs/store.md says what a kill leaves at each step.
 */
import { utimesSync } from "node:fs";
import { VriftError } from "../platform/errors.js";
import type { StoreLayout } from "./blob-names.js";
import { statFile } from "./blobs.js";
import type { ListedBlob } from "./list-blobs.js";
import { blobsIn } from "./list-blobs.js";
import { NamedHashes } from "./named-hashes.js";
import type { ContentHash, SweepOptions, SweepResult } from "./store.js";
import { takeSweepLock } from "./sweep-lock.js";
import { ageMs, deleteSwept, isOver, moveToTrash, putBack } from "./swept-blob.js";
import { Turns } from "./turns.js";

/**
 * Blobs out of their place at one moment: for about 5 ms, in which a lookup that needs one pays for a rename. The lists
 * are looked at again for each batch.
 */
const BATCH = 256;
type Candidate = ListedBlob;

export async function sweep(
  layout: StoreLayout,
  filter: { has(hash: ContentHash): boolean },
  options: SweepOptions,
): Promise<SweepResult> {
  const release = takeSweepLock(layout.sweepLock);
  const turns = new Turns();
  const named = new NamedHashes(layout, turns);
  try {
    const run = new Sweep(layout, named, turns, filter, options);
    await named.refresh();
    await run.emptyTrash();
    await run.sweepBlobs();
    return run.result;
  } finally {
    named.close();
    release();
  }
}

/**
 * The second step alone: what was named meanwhile goes back, what is over its grace period is deleted. Nothing is read but the
 * trash when nothing in it is over.
 * @param dueMs not when it was done in so many milliseconds before, by whichever process; the lock's file has the time.
 * @returns undefined: it is not due. @throws VriftError as sweep does.
 */
export async function emptyTrash(
  layout: StoreLayout,
  options: SweepOptions,
  dueMs: number,
): Promise<SweepResult | undefined> {
  if (isEarly(layout, dueMs)) return undefined;
  const release = takeSweepLock(layout.sweepLock);
  const turns = new Turns();
  const named = new NamedHashes(layout, turns);
  try {
    if (isEarly(layout, dueMs)) return undefined; // somebody had the lock until now
    const run = new Sweep(layout, named, turns, { has: () => false }, options);
    if (await run.hasExpired()) {
      await named.refresh();
      await run.emptyTrash();
    }
    const now = new Date();
    utimesSync(layout.sweepLock, now, now);
    return run.result;
  } finally {
    named.close();
    release();
  }
}

/** A time in the future (the clock was set back) says nothing. */
function isEarly({ sweepLock }: StoreLayout, dueMs: number): boolean {
  const age = Date.now() - Number((statFile(sweepLock)?.mtimeNs ?? 0n) / 1_000_000n);
  return age >= 0 && age < dueMs;
}

class Sweep {
  readonly #layout: StoreLayout;
  readonly #named: NamedHashes;
  readonly #turns: Turns;
  readonly #filter: { has(hash: ContentHash): boolean };
  readonly #options: SweepOptions;
  #deletedCount = 0;
  #reclaimedBytes = 0n;

  constructor(
    layout: StoreLayout,
    named: NamedHashes,
    turns: Turns,
    filter: { has(hash: ContentHash): boolean },
    options: SweepOptions,
  ) {
    this.#layout = layout;
    this.#named = named;
    this.#turns = turns;
    this.#filter = filter;
    this.#options = options;
  }

  get result(): SweepResult {
    return { deletedCount: this.#deletedCount, reclaimedBytes: this.#reclaimedBytes };
  }

  /** What is here was moved before the names were read. */
  async emptyTrash(): Promise<void> {
    for await (const candidate of blobsIn(this.#layout, this.#layout.trash)) {
      if (this.#isNamed(candidate)) putBack(candidate);
      else if (isOver(candidate, this.#options.graceMs)) this.#delete(candidate);
      await this.#pause();
    }
  }

  async hasExpired(): Promise<boolean> {
    for await (const candidate of blobsIn(this.#layout, this.#layout.trash)) {
      if (isOver(candidate, this.#options.graceMs)) return true;
      await this.#pause();
    }
    return false;
  }

  async sweepBlobs(): Promise<void> {
    let batch: Candidate[] = [];
    try {
      for await (const candidate of blobsIn(this.#layout, this.#layout.blobs)) {
        await this.#pause();
        if (this.#isNamed(candidate) || this.#stays(candidate)) continue;
        if (moveToTrash(candidate)) batch.push(candidate);
        if (batch.length < BATCH) continue;
        await this.#settle(batch);
        batch = [];
      }
      await this.#settle(batch);
    } catch (error) {
      // Whether they are named is not known: they are where they were before, as if there had been no sweep.
      for (const candidate of batch) putBack(candidate);
      throw error;
    }
  }

  async #settle(batch: readonly Candidate[]): Promise<void> {
    if (batch.length === 0) return;
    await this.#named.refresh();
    for (const candidate of batch) {
      if (this.#named.has(candidate.hash)) putBack(candidate);
      else if (this.#options.graceMs <= 0) this.#delete(candidate);
      else this.#options.onMoved?.(candidate);
    }
  }

  #stays({ hash, blob }: Candidate): boolean {
    const { olderThanMs = 0, only } = this.#options;
    if (only !== undefined && !only.has(hash)) return true;
    return olderThanMs > 0 && ageMs(blob) < olderThanMs;
  }

  #isNamed({ hash }: Candidate): boolean {
    return this.#filter.has(hash) || this.#named.has(hash);
  }

  #delete(candidate: Candidate): void {
    const bytes = deleteSwept(candidate);
    if (bytes === undefined) return;
    this.#deletedCount++;
    this.#reclaimedBytes += bytes;
  }

  async #pause(): Promise<void> {
    if (this.#options.signal?.aborted)
      throw new VriftError("EBUSY", "the sweep was ended before it was done");
    await this.#turns.pause();
  }
}

/** The content of chosen files goes into the store, batch after batch: here for a small tree, in threads for a large one. */
import { availableParallelism } from "node:os";
import type { PhysicalReason } from "../workspace/policy.js";
import { ownerOf } from "./candidates.js";
import type { TreeContext } from "./context.js";
import { type Batch, type Candidate, takeBatch } from "./take-batch.js";
import { TakeThreads } from "./take-threads.js";

/** Below this many files the threads would not be up before the work is done. */
const THREADED_FILES = 1000;

/** Hashes of its blobs are leased until `release`: their roots are to name them by then. */
export interface TakenBatch extends Batch {
  release(): void;
}

export interface TakerOptions {
  readonly root: string;
  readonly candidates: readonly Candidate[];
  readonly how: "link" | "copy";
  /** Hears of each file that cannot go. */
  readonly stays: (reason: PhysicalReason) => void;
  /** Default: one for each core. 0: none, whatever there is to do. */
  readonly threads?: number;
}

export interface Taker {
  /** The batch that begins with candidate `start`. Errors of the store (no space, damage) are thrown. */
  take(start: number): Promise<TakenBatch>;
  /** Leases end with it. */
  close(): Promise<void>;
}

export function openTaker({ store }: TreeContext, options: TakerOptions): Taker {
  const { root, candidates, how, stays, threads = availableParallelism() } = options;
  if (threads > 0 && candidates.length >= THREADED_FILES)
    return new TakeThreads(store.path, { root, candidates, how, stays, threads });
  const owner = ownerOf(root);
  return {
    async take(start) {
      const lease = store.lease();
      try {
        const batch = await takeBatch(candidates, start, { store, root, owner, lease, how }, stays);
        return { ...batch, release: () => lease.release() };
      } catch (error) {
        lease.release();
        throw error;
      }
    },
    close: async () => undefined,
  };
}

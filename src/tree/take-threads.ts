/** Files into the store in threads: a batch is cut into parts, which the threads share. */
import type { PhysicalReason } from "../workspace/policy.js";
import { ownerOf } from "./candidates.js";
import { type Candidate, batchEnd } from "./take-batch.js";
import type { TakenFile } from "../workspace/take-file.js";
import { type TakeAnswer, type TakeThreadData, type TakeWork, fromColumns } from "./take-message.js";
import type { TakenBatch, Taker, TakerOptions } from "./taker.js";
import { WorkThreads } from "./work-threads.js";

/** Small enough that no thread waits long for the last one. */
const PART_FILES = 100;

type PartResult = Pick<TakenBatch, "taken" | "later">;

export class TakeThreads implements Taker {
  readonly #candidates: readonly Candidate[];
  readonly #stays: (reason: PhysicalReason) => void;
  readonly #threads: WorkThreads<TakeWork, TakeAnswer>;
  #batches = 0;

  constructor(source: string, options: Required<TakerOptions>) {
    const { root, candidates, how, stays, threads } = options;
    this.#candidates = candidates;
    this.#stays = stays;
    const data: TakeThreadData = { source, root, owner: ownerOf(root), how };
    this.#threads = new WorkThreads(new URL("./take-thread.js", import.meta.url), data, threads);
  }

  async take(start: number): Promise<TakenBatch> {
    const batch = this.#batches++;
    const next = batchEnd(this.#candidates, start);
    const parts: Promise<PartResult>[] = [];
    for (let at = start; at < next; at += PART_FILES)
      parts.push(this.#part(batch, this.#candidates.slice(at, Math.min(at + PART_FILES, next))));
    // All of them, also when one fails: nobody may be at work when the caller goes on.
    const ended = await Promise.allSettled(parts);
    const taken: TakenFile[] = [];
    const later: Candidate[] = [];
    for (const part of ended) {
      if (part.status === "rejected") throw part.reason;
      taken.push(...part.value.taken);
      later.push(...part.value.later);
    }
    return { taken, later, next, release: () => this.#threads.tell({ batch, keys: null }) };
  }

  close(): Promise<void> {
    return this.#threads.close();
  }

  async #part(batch: number, entries: readonly Candidate[]): Promise<PartResult> {
    const keys = entries.map(({ key }) => key);
    const inos = BigUint64Array.from(entries, ({ ino }) => ino);
    const answer = await this.#threads.do({ batch, keys, inos });
    for (const reason of answer.stay) this.#stays(reason);
    return { taken: fromColumns(answer.taken), later: answer.later.map((i) => entries[i]!) };
  }
}

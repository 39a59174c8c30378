/** Files into the store in threads: a batch is cut into parts, and each thread takes the next one when it is done. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { VriftError, isErrorCode } from "../platform/errors.js";
import type { PhysicalReason } from "../workspace/policy.js";
import { ownerOf } from "./candidates.js";
import { type Candidate, batchEnd } from "./take-batch.js";
import type { TakenFile } from "../workspace/take-file.js";
import { type TakeAnswer, type TakeThreadData, type TakeWork, fromColumns } from "./take-message.js";
import type { TakenBatch, Taker, TakerOptions } from "./taker.js";

/** Small enough that no thread waits long for the last one. */
const PART_FILES = 100;

interface Part {
  readonly work: TakeWork;
  readonly done: (answer: TakeAnswer) => void;
  readonly failed: (error: unknown) => void;
}

type PartResult = Pick<TakenBatch, "taken" | "later">;

export class TakeThreads implements Taker {
  readonly #candidates: readonly Candidate[];
  readonly #stays: (reason: PhysicalReason) => void;
  readonly #workers: Worker[];
  readonly #idle: Worker[];
  readonly #doing = new Map<Worker, Part>();
  readonly #waiting: Part[] = [];
  #broken: Error | undefined;
  #batches = 0;

  constructor(source: string, options: Required<TakerOptions>) {
    const { root, candidates, how, stays, threads } = options;
    this.#candidates = candidates;
    this.#stays = stays;
    const workerData: TakeThreadData = { source, root, owner: ownerOf(root), how };
    this.#workers = Array.from({ length: threads }, () => this.#start(workerData));
    this.#idle = [...this.#workers];
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
    const release = (): void => {
      for (const worker of this.#workers) worker.postMessage({ batch, keys: null } satisfies TakeWork);
    };
    return { taken, later, next, release };
  }

  async close(): Promise<void> {
    const isBusy = this.#broken !== undefined || this.#doing.size > 0;
    this.#broken ??= new VriftError("EIO", "the threads that put files into the store are ended");
    await Promise.all(
      this.#workers.map(async (worker) => {
        if (isBusy) return worker.terminate();
        worker.postMessage("end" satisfies TakeWork);
        if (worker.threadId !== -1) await once(worker, "exit");
        return undefined;
      }),
    );
  }

  async #part(batch: number, entries: readonly Candidate[]): Promise<PartResult> {
    const work = {
      batch,
      keys: entries.map(({ key }) => key),
      inos: BigUint64Array.from(entries, ({ ino }) => ino),
    };
    const answer = await new Promise<TakeAnswer>((done, failed) => {
      this.#waiting.push({ work, done, failed });
      this.#hand();
    });
    if ("failed" in answer) {
      const { code, message } = answer.failed;
      throw new VriftError(isErrorCode(code) ? code : "EIO", message);
    }
    for (const reason of answer.stay) this.#stays(reason);
    return { taken: fromColumns(answer.taken), later: answer.later.map((i) => entries[i]!) };
  }

  #hand(): void {
    if (this.#broken !== undefined) for (const part of this.#waiting.splice(0)) part.failed(this.#broken);
    while (this.#waiting.length > 0 && this.#idle.length > 0) {
      const [worker, part] = [this.#idle.pop()!, this.#waiting.shift()!];
      this.#doing.set(worker, part);
      worker.postMessage(part.work);
    }
  }

  #start(workerData: TakeThreadData): Worker {
    const worker = new Worker(new URL("./take-thread.js", import.meta.url), { workerData });
    worker.on("message", (answer: TakeAnswer) => {
      const part = this.#doing.get(worker);
      this.#doing.delete(worker);
      this.#idle.push(worker);
      part?.done(answer);
      this.#hand();
    });
    const ended = (error: Error): void => {
      this.#broken ??= error;
      this.#doing.get(worker)?.failed(error);
      this.#doing.delete(worker);
      this.#hand();
    };
    worker.once("error", ended);
    worker.once("exit", () => {
      ended(new VriftError("EIO", "a thread that puts files into the store has ended"));
    });
    return worker;
  }
}

/**
 * Takes the content of files into the store for a commit: in a thread of low priority, because hashing and copying would hold
 * up requests, or right here, for a command that has nothing else to do.
 */
import { Worker } from "node:worker_threads";
import type { ErrorCode } from "../platform/errors.js";
import { VriftError, toVriftError } from "../platform/errors.js";
import type { ContentStore } from "../store/store.js";
import type { PhysicalReason, PolicyOwner } from "./policy.js";
import { type TakenFile, takeFile } from "./take-file.js";
import type { WrittenFile } from "./written-files.js";

export type Outcome = TakenFile | PhysicalReason;

export interface TakenBatch {
  /** In the order of the files, as far as it came. */
  readonly outcomes: readonly Outcome[];
  /** Why it did not come to the end: no room, say. */
  readonly failure: VriftError | undefined;
  /** Until then no sweep takes what is in it. */
  release(): void;
}

export interface CommitTaker {
  take(files: readonly WrittenFile[]): Promise<TakenBatch>;
  /** What is being taken is given up: `take` rejects with ECONNRESET, or resolves. */
  close(): Promise<void>;
}

export interface TakePlace {
  readonly root: string;
  readonly owner: PolicyOwner;
}

export function takerHere(store: ContentStore, place: TakePlace): CommitTaker {
  return {
    take: async (files) => {
      const lease = store.lease();
      const outcomes: Outcome[] = [];
      let failure: VriftError | undefined;
      try {
        for (const file of files)
          outcomes.push(await takeFile(file, { ...place, store, lease, how: "copy" as const }));
      } catch (error) {
        failure = toVriftError(error);
      }
      return { outcomes, failure, release: () => lease.release() };
    },
    close: () => Promise.resolve(),
  };
}

export interface ThreadPlace extends TakePlace {
  /** Of the store. */
  readonly source: string;
}

/** To the thread. `release`: the batch before is recorded. */
export type ThreadRequest = { readonly take: readonly WrittenFile[] } | { readonly release: true };

/** From it. */
export interface ThreadReply {
  readonly outcomes: readonly Outcome[];
  readonly failure: { readonly code: ErrorCode; readonly message: string } | null;
}

/** Milliseconds without work after which the thread ends; it has some megabytes. */
const IDLE_MS = 5000;

export function takerInThread(place: ThreadPlace): CommitTaker {
  return new ThreadTaker(place);
}

class ThreadTaker implements CommitTaker {
  readonly #place: ThreadPlace;
  #thread: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(place: ThreadPlace) {
    this.#place = place;
  }

  /** One at a time, and the one before is released. */
  async take(files: readonly WrittenFile[]): Promise<TakenBatch> {
    if (this.#closed) throw ended();
    clearTimeout(this.#idle);
    const thread = (this.#thread ??= this.#start());
    const { outcomes, failure } = await ask(thread, { take: files });
    const release = (): void => {
      if (this.#thread !== thread) return;
      thread.postMessage({ release: true } satisfies ThreadRequest);
      this.#idle = setTimeout(() => void this.#end(), IDLE_MS).unref();
    };
    return {
      outcomes: outcomes.map(withBuffer),
      failure: failure === null ? undefined : new VriftError(failure.code, failure.message),
      release,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#end();
  }

  #start(): Worker {
    const thread = new Worker(new URL("commit-thread.js", import.meta.url), { workerData: this.#place });
    // Who waits for it is told by `ask`.
    thread.on("error", () => undefined);
    thread.once("exit", () => {
      if (this.#thread === thread) this.#thread = undefined;
    });
    return thread;
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.terminate();
  }
}

function ask(thread: Worker, request: ThreadRequest): Promise<ThreadReply> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      thread.off("message", onMessage).off("error", onError).off("exit", onExit);
      thread.unref();
      act();
    };
    const onMessage = (reply: ThreadReply): void => settle(() => resolve(reply));
    const onError = (error: unknown): void => settle(() => reject(toVriftError(error)));
    const onExit = (): void => settle(() => reject(ended()));
    thread.on("message", onMessage).on("error", onError).on("exit", onExit);
    thread.ref();
    thread.postMessage(request);
  });
}

function ended(): VriftError {
  return new VriftError("ECONNRESET", "the thread that takes files into the store has ended");
}

/** A message between threads makes a plain Uint8Array of it. */
function withBuffer(outcome: Outcome): Outcome {
  if (typeof outcome === "string") return outcome;
  const { hash, size } = outcome.id;
  return { ...outcome, id: { hash: Buffer.from(hash.buffer, hash.byteOffset, hash.length), size } };
}

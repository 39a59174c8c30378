/** Every blob of a store is looked at: docs/verify.md. What needs them is not this file's business. */
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { VriftError, isErrorCode } from "../platform/errors.js";
import { type StoreLayout, isShardName, storeLayout } from "./blob-names.js";
import { type ShardFindings, type ShardWork, addFindings, examineShard, noFindings } from "./examine.js";
import type { ExamineAnswer } from "./examine-thread.js";
import { settleMisnamed } from "./misnamed.js";
import { endState, readState, takeVerifyLock, writeState } from "./verify-state.js";

export interface VerifyOptions {
  /** Hash everything, in threads; goes on where an interrupted one has stopped. */
  readonly full: boolean;
  /** With `full`: from the beginning, whatever an interrupted one has done. */
  readonly restart?: boolean;
  /** So much more was looked at. */
  readonly each?: (blobs: number, bytes: number) => void;
  /** Default: as many as the machine has cores. */
  readonly threads?: number;
}

export interface VerifiedBlobs extends ShardFindings {
  /** When the interrupted verification began that this one went on with. */
  readonly resumedMs: number | null;
}

/** EBUSY: another process does so. */
export async function verifyBlobs(path: string, options: VerifyOptions): Promise<VerifiedBlobs> {
  const layout = storeLayout(path);
  const release = takeVerifyLock(layout);
  try {
    return await verifyLocked(layout, options);
  } finally {
    release();
  }
}

async function verifyLocked(
  layout: StoreLayout,
  { full, restart = false, each, threads = availableParallelism() }: VerifyOptions,
): Promise<VerifiedBlobs> {
  const before = full && !restart ? readState(layout) : undefined;
  const state = before ?? { beganMs: Date.now(), done: [], findings: noFindings() };
  const isDone = new Set(state.done);
  const names = readdirSync(layout.blobs).sort();
  const shards = names.filter((name) => isShardName(name) && !isDone.has(name));
  each?.(state.findings.blobs, state.findings.bytes);
  const take = (shard: string, findings: ShardFindings): void => {
    addFindings(state.findings, findings);
    state.done.push(shard);
    if (full) writeState(layout, state);
  };
  if (full && shards.length > 1 && threads > 1) await inThreads(layout, shards, threads, take, each);
  else for (const shard of shards) take(shard, await examineShard(layout, { shard, full }, each));
  for (const name of names) {
    if (isShardName(name)) continue;
    const settled = await settleMisnamed(layout, name);
    if (settled !== undefined) state.findings.damaged.push({ name, ...settled });
  }
  endState(layout);
  return { ...state.findings, resumedMs: before?.beganMs ?? null };
}

/** Each thread takes the next directory when it is done with one. */
async function inThreads(
  layout: StoreLayout,
  shards: readonly string[],
  threads: number,
  take: (shard: string, findings: ShardFindings) => void,
  each: VerifyOptions["each"],
): Promise<void> {
  let next = 0;
  const workers: Worker[] = [];
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL("./examine-thread.js", import.meta.url), {
        workerData: layout.path,
      });
      workers.push(worker);
      const send = (): void => {
        const shard = shards[next++];
        if (shard === undefined) resolve();
        else worker.postMessage({ shard, full: true } satisfies ShardWork);
      };
      worker.on("message", (answer: ExamineAnswer) => {
        if (answer.type === "progress") each?.(answer.blobs, answer.bytes);
        else if (answer.type === "failed")
          reject(new VriftError(isErrorCode(answer.code) ? answer.code : "EIO", answer.message));
        else {
          take(answer.shard, answer.findings);
          send();
        }
      });
      worker.once("error", reject);
      worker.once("exit", () => {
        reject(new VriftError("EIO", "a thread that hashes blobs has ended"));
      });
      send();
    });
  try {
    await Promise.all(Array.from({ length: Math.min(threads, shards.length) }, one));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

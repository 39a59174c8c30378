/** Run by take-threads.ts in threads of their own: files into the store, a lease for each batch. */
import { parentPort, workerData } from "node:worker_threads";
import { toVriftError } from "../platform/errors.js";
import { openStore } from "../store/content-store.js";
import type { Lease } from "../store/store.js";
import type { PhysicalReason } from "../workspace/policy.js";
import { type TakenFile, takeFile } from "../workspace/take-file.js";
import { type TakeAnswer, type TakeThreadData, type TakeWork, toColumns } from "./take-message.js";
import { END, type FailedWork } from "./work-threads.js";

const { source, root, owner, how } = workerData as TakeThreadData;
const store = await openStore(source);
const leases = new Map<number, Lease>();

function leaseOf(batch: number): Lease {
  const lease = leases.get(batch) ?? store.lease();
  leases.set(batch, lease);
  return lease;
}

async function take(
  keys: readonly string[],
  inos: BigUint64Array,
  lease: Lease,
): Promise<TakeAnswer | FailedWork> {
  const taken: TakenFile[] = [];
  const stay: PhysicalReason[] = [];
  const later: number[] = [];
  try {
    for (const [i, key] of keys.entries()) {
      const file = await takeFile({ key, ino: inos[i]! }, { store, root, owner, lease, how });
      if (file === "later") later.push(i);
      else if (typeof file === "string") stay.push(file);
      else taken.push(file);
    }
    return { taken: toColumns(taken), stay, later };
  } catch (error) {
    const { code, message } = toVriftError(error);
    return { workFailed: { code, message } };
  }
}

function end(): void {
  for (const lease of leases.values()) lease.release();
  store.close();
  parentPort!.close();
}

parentPort!.on("message", (work: TakeWork | typeof END) => {
  if (work === END) return end();
  if (work.keys === null) {
    leases.get(work.batch)?.release();
    leases.delete(work.batch);
    return;
  }
  void take(work.keys, work.inos, leaseOf(work.batch)).then((answer) => parentPort!.postMessage(answer));
});

/** Run by commit-taker.ts in a thread of its own: takes batches of files into the store, and keeps the lease on each until it is recorded. */
import { constants, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { openStore } from "../store/content-store.js";
import {
  type TakenBatch,
  type ThreadPlace,
  type ThreadReply,
  type ThreadRequest,
  takerHere,
} from "./commit-taker.js";

async function run(): Promise<void> {
  // Of this thread alone: on Linux the priority is one's of a thread.
  setPriority(0, constants.priority.PRIORITY_LOW);
  const { source, ...place } = workerData as ThreadPlace;
  const taker = takerHere(await openStore(source), place);
  let batch: TakenBatch | undefined;
  let last: Promise<void> = Promise.resolve();
  const answer = async (request: ThreadRequest): Promise<void> => {
    batch?.release();
    batch = undefined;
    if (!("take" in request)) return;
    batch = await taker.take(request.take);
    const { outcomes, failure } = batch;
    const reply: ThreadReply = {
      outcomes,
      failure: failure === undefined ? null : { code: failure.code, message: failure.message },
    };
    parentPort!.postMessage(reply);
  };
  parentPort!.on("message", (request: ThreadRequest) => {
    last = last.then(() => answer(request));
  });
}

await run();

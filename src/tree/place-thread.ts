/** Run by placer.ts in threads of their own: parts of a page of virtual files. */
import { parentPort, workerData } from "node:worker_threads";
import { toVriftError } from "../platform/errors.js";
import { openStore } from "../store/content-store.js";
import type { AdoptEntry } from "../workspace/workspace.js";
import { type PlacedPart, placePart } from "./place-part.js";
import type { PlaceThreadData } from "./placer.js";
import { END, type FailedWork } from "./work-threads.js";

const { source, root, staging } = workerData as PlaceThreadData;
const store = await openStore(source);

async function place(entries: readonly AdoptEntry[]): Promise<PlacedPart | FailedWork> {
  try {
    return await placePart(store, root, staging, entries);
  } catch (error) {
    const { code, message } = toVriftError(error);
    return { workFailed: { code, message } };
  }
}

parentPort!.on("message", (work: readonly AdoptEntry[] | typeof END) => {
  if (work === END) {
    store.close();
    parentPort!.close();
  } else void place(work).then((answer) => parentPort!.postMessage(answer));
});

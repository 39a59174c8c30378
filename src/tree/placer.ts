/** Virtual files into their places: here for a few, in threads for many. */
import { availableParallelism } from "node:os";
import type { ContentStore } from "../store/store.js";
import type { AdoptEntry } from "../workspace/workspace.js";
import { type PlacedPart, placePart } from "./place-part.js";
import { WorkThreads } from "./work-threads.js";

export interface PlaceThreadData {
  readonly source: string;
  readonly root: string;
  readonly staging: string;
}

export interface Placer {
  /** Resolves, or rejects, when nobody is at work on the entries any more. */
  place(
    entries: readonly AdoptEntry[],
    each: (part: PlacedPart, entries: readonly AdoptEntry[]) => void,
  ): Promise<void>;
  close(): Promise<void>;
}

/** Below this many files threads would not be up before the work is done. */
const THREADED_FILES = 1000;
/** Small enough that no thread waits long for the last one. */
const PART_FILES = 100;

/** @param files there will be, about. */
export function openPlacer(store: ContentStore, root: string, staging: string, files: number): Placer {
  if (files < THREADED_FILES)
    return {
      place: async (entries, each) => {
        for (const part of parts(entries)) each(await placePart(store, root, staging, part), part);
      },
      close: async () => undefined,
    };
  const data: PlaceThreadData = { source: store.path, root, staging };
  const script = new URL("./place-thread.js", import.meta.url);
  const threads = new WorkThreads<readonly AdoptEntry[], PlacedPart>(script, data, availableParallelism());
  return {
    place: async (entries, each) => {
      const work = parts(entries).map(async (part) => each(await threads.do(part), part));
      // All of them, also when one fails: nobody may be at work when the caller goes on.
      for (const ended of await Promise.allSettled(work)) if (ended.status === "rejected") throw ended.reason;
    },
    close: () => threads.close(),
  };
}

function parts(entries: readonly AdoptEntry[]): AdoptEntry[][] {
  const cut: AdoptEntry[][] = [];
  for (let at = 0; at < entries.length; at += PART_FILES) cut.push(entries.slice(at, at + PART_FILES));
  return cut;
}

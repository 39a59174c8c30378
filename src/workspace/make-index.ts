/**
 * A new index file from the manifest alone, not yet under its name: in a thread of its own, so that requests are answered
 * meanwhile. The tree is compared with it afterwards, as with one of last time.
 *
 * The manifest is committed first and not changed until it is done: the caller has the workspace's turn, later changes wait for
 * theirs and find the new file. Killed at any moment: `<index>.new`, which nobody opens and the next one removes.
 */
import { Worker } from "node:worker_threads";
import { VriftError } from "../platform/errors.js";
import type { ErrorCode } from "../platform/errors.js";
import { IndexWriter } from "../vdir/index-file.js";
import type { IndexOptions } from "../vdir/index-file.js";
import type { Tree } from "./tree.js";
import { indexNames } from "./tree.js";

export interface IndexThreadWork {
  readonly database: string;
  readonly index: string;
  readonly options: Omit<IndexOptions, "onReplaced">;
  /** What the database has to be at. */
  readonly sequence: bigint;
}

export type IndexThreadResult =
  { readonly made: true } | { readonly made: false; readonly code: ErrorCode; readonly message: string };

/** Fewer are put in by this thread, sooner than another one has started. */
const WORTH_A_THREAD = 20_000;

/** @param names expected, those of the tree included. ENOSPC and the like: no index can be made. */
export async function makeIndex(tree: Tree, options: IndexOptions, names: number): Promise<IndexWriter> {
  const { index } = tree.paths;
  const expectedEntries = Math.max(tree.manifest.count(), names);
  if (tree.manifest.count() < WORTH_A_THREAD) {
    const writer = IndexWriter.create(index, { ...options, expectedEntries });
    try {
      await writer.fillInTurns(indexNames(tree));
      writer.setTransaction(tree.manifest.sequence);
      return writer;
    } catch (error) {
      writer.close();
      throw error;
    }
  }
  await tree.manifest.sync();
  const { onReplaced: _, ...plain } = options;
  const { sequence } = tree.manifest;
  await inThread({ database: tree.paths.db, index, options: { ...plain, expectedEntries }, sequence });
  const made = IndexWriter.takeMade(index, options, sequence);
  if (made === undefined)
    throw new VriftError("EIO", `the index made for ${tree.root} is not what was asked for`);
  return made;
}

async function inThread(work: IndexThreadWork): Promise<void> {
  const thread = new Worker(new URL("index-thread.js", import.meta.url), { workerData: work });
  const result = await new Promise<IndexThreadResult>((resolve, reject) => {
    thread.once("message", resolve);
    thread.once("error", reject);
    thread.once("exit", (code) =>
      reject(new VriftError("EIO", `the thread that makes the index ended with ${code}`)),
    );
  });
  await thread.terminate();
  if (!result.made) throw new VriftError(result.code, result.message);
}

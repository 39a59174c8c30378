/** Run by make-index.ts in a thread of its own: a new index file with everything that the manifest on disk says. */
import { parentPort, workerData } from "node:worker_threads";
import { scanManifest } from "../manifest/manifest-scan.js";
import { VriftError, toVriftError } from "../platform/errors.js";
import { IndexWriter } from "../vdir/index-file.js";
import type { IndexThreadResult, IndexThreadWork } from "./make-index.js";
import { namesOf } from "./tree.js";

async function make({ database, index, options, sequence }: IndexThreadWork): Promise<void> {
  const scan = scanManifest(database);
  try {
    if (scan.sequence !== sequence)
      throw new VriftError("EIO", `the database is at change ${scan.sequence}, not ${sequence}`);
    const writer = IndexWriter.create(index, options);
    try {
      writer.fillAll(namesOf(scan.entries, new Set()));
      writer.setTransaction(sequence);
    } finally {
      // What is not complete is not at `sequence`, and nobody takes it over.
      writer.keep();
    }
  } finally {
    await scan.close();
  }
}

async function run(): Promise<void> {
  const result: IndexThreadResult = await make(workerData as IndexThreadWork).then(
    () => ({ made: true }),
    (error: unknown) => {
      const { code, message } = toVriftError(error);
      return { made: false, code, message };
    },
  );
  parentPort?.postMessage(result);
}

void run();

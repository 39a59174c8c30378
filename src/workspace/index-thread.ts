/** Run by make-index.ts in a thread of its own: a new index file with everything that the manifest on disk says. */
import { parentPort, workerData } from "node:worker_threads";
import { scanManifest } from "../manifest/manifest-scan.js";
import type { ManifestScan } from "../manifest/manifest-scan.js";
import { decodeManifestRecord } from "../manifest/record-codec.js";
import { VriftError, toVriftError } from "../platform/errors.js";
import { FillBatch } from "../vdir/fill-batch.js";
import { IndexWriter } from "../vdir/index-file.js";
import { fillRecord } from "../vdir/layout.js";
import type { IndexThreadResult, IndexThreadWork } from "./make-index.js";
import { packEntry } from "./packed-entry.js";
import { toIndexValue } from "./records.js";

async function make({ database, index, options, sequence }: IndexThreadWork): Promise<void> {
  const scan = scanManifest(database);
  try {
    if (scan.sequence !== sequence)
      throw new VriftError("EIO", `the database is at change ${scan.sequence}, not ${sequence}`);
    const writer = IndexWriter.create(index, options);
    try {
      fill(writer, scan);
      writer.setTransaction(sequence);
    } finally {
      // What is not complete is not at `sequence`, and nobody takes it over.
      writer.keep();
    }
  } finally {
    await scan.close();
  }
}

function fill(writer: IndexWriter, scan: ManifestScan): void {
  const batch = new FillBatch();
  scan.visit((above, name, record) => {
    if (name.length === 0) return writer.update("", toIndexValue(decodeManifestRecord(record), true));
    const length = above.length + name.length;
    let at = batch.reserve(length);
    if (at < 0) {
      writer.flush(batch);
      at = batch.reserve(length);
    }
    packEntry(record, batch.bytes, at);
    batch.bytes.set(above, at + fillRecord.size);
    batch.bytes.set(name, at + fillRecord.size + above.length);
  });
  writer.flush(batch);
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

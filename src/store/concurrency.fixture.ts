/**
 * A process for concurrency.test.ts. Arguments: store, mode.
 *   import DIR link|copy   imports every file of DIR again and again, prints each hash after its import
 *   lease HEX…             holds a lease on the hashes, prints "held" and waits
 */
import { closeSync, openSync, readdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import { hashFromHex, hashToHex } from "../platform/hash.js";
import { VriftError } from "../platform/errors.js";
import { openStore } from "./content-store.js";
import type { FileImportResult } from "./store.js";

const [path, mode, ...rest] = process.argv.slice(2);
const store = await openStore(path!);
const lease = store.lease();

if (mode === "lease") {
  for (const hex of rest) lease.add(hashFromHex(hex)!);
  writeSync(1, "held\n");
  setInterval(() => {}, 1_000);
} else {
  const [directory, how] = rest;
  for (const name of readdirSync(directory!)) {
    const file = join(directory!, name);
    const fd = openSync(file, "r");
    const result = await (how === "link"
      ? importByLink(fd, file)
      : store.importFile(fd, file, "copy", lease));
    closeSync(fd);
    writeSync(1, `${hashToHex(result.hash)}\n`);
  }
  lease.release();
}

/** Content that another process has linked is copied, as `phantom` does in the end. */
async function importByLink(fd: number, file: string): Promise<FileImportResult> {
  try {
    return await store.importFile(fd, file, "link", lease);
  } catch (error) {
    if (!(error instanceof VriftError) || error.code !== "EBUSY") throw error;
    return await store.importFile(fd, file, "copy", lease);
  }
}

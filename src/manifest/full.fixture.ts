/**
 * A process for recovery.test.ts whose files cannot grow beyond a limit: applies changes, some of them together, until
 * several were refused, checks that those left no trace, and prints the names that were acknowledged. Ends without
 * closing, as a killed process does.
 */
import assert from "node:assert/strict";
import { openManifest } from "./lmdb-manifest.js";
import { ROOT_ID } from "./manifest.js";

const manifest = await openManifest(process.argv[2]!, { commitDelayMs: 60_000 });
const acknowledged: string[] = [];
let refused = 0;

async function put(name: string): Promise<void> {
  const record = {
    id: manifest.nextId(),
    flags: 4,
    mode: 0o644,
    size: 1n,
    mtimeNs: 0n,
    ctimeNs: 0n,
    blocks: 0,
    hash: new Uint8Array(32),
    stamp: null,
  };
  try {
    await manifest.apply([{ type: "put", parent: ROOT_ID, name, record }]);
    acknowledged.push(name);
  } catch {
    refused++;
    assert.equal(manifest.get(ROOT_ID, name), undefined);
  }
}

for (let round = 0; refused < 20; round++) {
  await Promise.all(Array.from({ length: 7 }, (_, index) => put(`${round} ${index} ${"x".repeat(100)}`)));
  assert.equal(manifest.count(), acknowledged.length);
  assert.equal(manifest.sequence, BigInt(acknowledged.length));
}
await put("y"); // shorter: may fit into what is left
process.stdout.write(JSON.stringify({ acknowledged, refused }), () => process.exit(0));

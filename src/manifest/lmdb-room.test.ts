import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Random } from "../../test/store/random.js";
import { readLmdbMeta } from "./lmdb-file.js";
import { DATA_FILE } from "./data-file.js";
import { LmdbTable } from "./lmdb-table.js";
import type { ManifestRecord } from "./manifest.js";
import { Overlay } from "./overlay.js";

const SEED = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);

test("LMDB stays within the room it was given, and what it did not need is given back", async (t) => {
  t.diagnostic(`VRIFT_TEST_SEED=${SEED}`);
  const random = new Random(SEED);
  const directory = mkdtempSync(join(tmpdir(), "vrift-room-"));
  const table = new LmdbTable(directory, { sequence: 0n, count: 0, nextId: 1n });
  t.after(async () => {
    await table.close();
    rmSync(directory, { recursive: true });
  });
  const data = join(directory, DATA_FILE);
  const facts = {
    flags: 4,
    mode: 0o644,
    size: 1n,
    mtimeNs: 0n,
    ctimeNs: 0n,
    blocks: 0,
    hash: new Uint8Array(32),
  };
  const stamp = { size: 1n, mtimeNs: 0n, ctimeNs: 0n, ino: 1n };
  const someRecord = (): ManifestRecord => ({ ...facts, id: 1n, stamp: random.once(2) ? stamp : null });
  for (let round = 0; round < 60; round++) {
    const changes = new Overlay();
    const length = 1 + random.below(random.once(3) ? 240 : 20);
    for (let count = 1 + random.below([1, 50, 3000][random.below(3)]!); count > 0; count--) {
      const name = `${random.below(20_000)}`.padEnd(length, random.once(2) ? "n" : "\u{1f600}").slice(0, 60);
      changes.set(BigInt(1 + random.below(50)), name, random.once(4) ? null : someRecord());
    }
    if (random.once(5)) changes.meta.set(`m${random.below(5)}`, "v".repeat(random.below(9000)));
    const end = table.takeRoom(changes);
    await table.commit(changes, { sequence: BigInt(round), count: 0, nextId: 1n });
    const { lastPage, pageSize } = readLmdbMeta(data)!;
    const used = Number(lastPage + 1n) * pageSize;
    assert.ok(used <= end, `round ${round}: ${used} of ${end}`);
    assert.ok(statSync(data).size <= used + (1 << 20), `round ${round}`);
  }
});

/** A sweep killed before each of its changes, one after the other: docs/store.md, "Sweep", says what is left and who goes on. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { hashToHex } from "../../src/platform/hash.js";
import { readSweepFilter } from "../../src/protocol/sweep-filter.js";
import { blobFile, storeLayout, sweptFile } from "../../src/store/blob-names.js";
import { openStore } from "../../src/store/content-store.js";
import type { BlobId, ContentStore } from "../../src/store/store.js";

const child = fileURLToPath(new URL("./killed-sweep-child.js", import.meta.url));
const NOTHING = readSweepFilter(new Uint8Array(0));
const AT_ONCE = { graceMs: 0 };

interface Round {
  readonly store: ContentStore;
  readonly named: readonly BlobId[];
  /** Named while the sweep runs. */
  readonly late: BlobId;
}

/** Blobs that are named or not, in their place, in the trash of an earlier sweep, or in both. */
async function makeStore(directory: string): Promise<Round> {
  const path = mkdtempSync(join(directory, "store-"));
  const layout = storeLayout(path);
  const store = await openStore(path);
  const lease = store.lease();
  const put = async (text: string): Promise<BlobId> => {
    const { hash, size } = await store.importBytes(Buffer.from(text), lease);
    return { hash, size };
  };
  const toTrash = (id: BlobId, move: (from: string, to: string) => void): void => {
    mkdirSync(dirname(sweptFile(layout, id)), { recursive: true });
    move(blobFile(layout, id), sweptFile(layout, id));
  };
  const named = [await put("in its place"), await put("in the trash"), await put("in both")];
  toTrash(named[1]!, renameSync);
  toTrash(named[2]!, copyFileSync);
  const garbage = [await put("garbage"), await put("more garbage"), await put("swept before")];
  toTrash(garbage[2]!, renameSync);
  const late = await put("named late");
  const roots = await store.roots("w");
  await roots.add(named.map(({ hash }) => hash));
  roots.close();
  lease.release();
  return { store, named, late };
}

/** The number of changes; null when it was killed. */
async function sweepKilled(at: number, { store, late }: Round, graceMs: number): Promise<number | null> {
  try {
    const args = [child, String(at), store.path, String(graceMs), hashToHex(late.hash)];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return Number(stdout);
  } catch (error) {
    if ((error as { signal?: string }).signal === "SIGKILL") return null;
    throw error;
  }
}

async function assertNothingLost({ store, named, late }: Round, what: string): Promise<void> {
  const layout = storeLayout(store.path);
  const roots = await store.roots("late");
  const needed = roots.has(late.hash) ? [...named, late] : named;
  roots.close();
  for (const id of needed) {
    assert.ok(store.findBlob(id.hash), what);
    await store.verifyBlob(id);
  }
  // The next sweep finds what this one has left, takes the lock, and finishes.
  await store.sweep(NOTHING, AT_ONCE);
  for (const id of needed) assert.ok(existsSync(blobFile(layout, id)), what);
  assert.equal((await store.usage()).blobs, needed.length, what);
  const left = readdirSync(layout.trash, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.length > 2,
  );
  assert.deepEqual(left, [], what);
}

for (const graceMs of [0, 3_600_000]) {
  test(`killed before every change, grace period ${graceMs} ms`, { timeout: 300_000 }, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "vrift-killed-sweep-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const whole = await makeStore(directory);
    const changes = await sweepKilled(Infinity, whole, graceMs);
    assert.ok(changes !== null && changes >= 8, `${changes} changes`);
    const roots = await whole.store.roots("late");
    assert.ok(roots.has(whole.late.hash), "was named after it was moved");
    roots.close();
    await assertNothingLost(whole, "not killed");
    whole.store.close();
    t.diagnostic(`${changes} changes`);
    for (let at = 1; at <= changes; at++) {
      const round = await makeStore(directory);
      assert.equal(await sweepKilled(at, round, graceMs), null, `before change ${at}`);
      await assertNothingLost(round, `killed before change ${at}`);
      round.store.close();
    }
  });
}

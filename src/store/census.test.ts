import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { openStore } from "./content-store.js";
import type { BlobId, ContentStore, Lease } from "./store.js";

const HOUR = 3_600_000;
let directory: string;
let store: ContentStore;
let lease: Lease;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "vrift-census-"));
  store = await openStore(join(directory, "source"), { graceMs: HOUR });
  lease = store.lease();
});

afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

async function put(text: string): Promise<BlobId> {
  return await store.importBytes(Buffer.from(text), lease);
}

async function name(list: string, ...ids: BlobId[]): Promise<void> {
  const roots = await store.roots(list);
  await roots.add(ids.map(({ hash }) => hash));
  roots.close();
}

const sum = (blobs: number, bytes: bigint) => ({ blobs, bytes });
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, field: unknown) => (typeof field === "bigint" ? `${field}` : field)));

test("who names what, what nobody names, and what lies in the trash", async () => {
  const [one, two, both, lost] = [await put("1"), await put("22"), await put("4444"), await put("garbage!")];
  await name("a", one, both, { hash: Buffer.alloc(32, 1), size: 1n });
  await name("b", two, both);
  lease.release();
  const working = store.lease();
  await store.importBytes(Buffer.from("leased".repeat(3)), working);
  working.add(one.hash);
  const expected = {
    all: sum(5, 33n),
    garbage: sum(1, 8n),
    young: sum(0, 0n),
    leased: sum(1, 18n),
    lists: [
      { name: "a", ...sum(2, 5n), alone: sum(1, 1n) },
      { name: "b", ...sum(2, 6n), alone: sum(1, 2n) },
    ],
    swept: sum(0, 0n),
    over: sum(0, 0n),
    quarantined: sum(0, 0n),
  };
  assert.deepEqual(plain(await store.census()), plain(expected));
  assert.deepEqual(
    plain(await store.census({ olderThanMs: HOUR })),
    plain({ ...expected, garbage: sum(0, 0n), young: sum(1, 8n) }),
  );
  const moved: BlobId[] = [];
  const onMoved = (blob: BlobId): void => void moved.push(blob);
  await store.sweep({ has: () => false }, { olderThanMs: HOUR, onMoved });
  assert.equal(moved.length, 0, "it is too young");
  await store.sweep({ has: () => false }, { onMoved });
  assert.deepEqual(
    moved.map(({ hash, size }) => [hash, size]),
    [[lost.hash, 8n]],
  );
  writeFileSync(join(store.path, "trash", `${"e".repeat(64)}_3.bin.1700000000000.1.1.bad`), "bad");
  const after = { ...expected, all: sum(4, 25n), garbage: sum(0, 0n), quarantined: sum(1, 3n) };
  assert.deepEqual(plain(await store.census()), plain({ ...after, swept: sum(1, 8n) }));
  await wait(20);
  assert.deepEqual(plain(await store.census({ graceMs: 10 })), plain({ ...after, over: sum(1, 8n) }));
  working.release();
});

test("a list that cannot be read: nothing is known, as for a sweep", async () => {
  await put("content");
  mkdirSync(join(store.path, "roots", "broken"));
  await assert.rejects(store.census(), { code: "VRIFT_DAMAGED" });
});

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { silentLog } from "../platform/log.js";
import { openStore } from "../store/content-store.js";
import type { BlobId, ContentStore } from "../store/store.js";
import { TrashTimer } from "./trash-timer.js";

const HOUR = 3_600_000;
let directory: string;
let store: ContentStore;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "vrift-trash-"));
  store = await openStore(join(directory, "source"), { graceMs: HOUR });
});

afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

async function put(text: string): Promise<BlobId> {
  const lease = store.lease();
  const id = await store.importBytes(Buffer.from(text), lease);
  lease.release();
  return id;
}

const sweep = () => store.sweep({ has: () => false });
const swept = ({ hash, size }: BlobId): string => {
  const hex = Buffer.from(hash).toString("hex");
  return join(store.path, "trash", hex.slice(0, 2), `${hex}_${size}.bin`);
};

test("what is over its grace period is deleted, what a list or a lease names goes back, the rest waits", async () => {
  const [over, rooted, leased] = [await put("over"), await put("rooted"), await put("leased")];
  await sweep();
  assert.ok([over, rooted, leased].every((id) => existsSync(swept(id))));
  const roots = await store.roots("a-workspace");
  await roots.add([rooted.hash]);
  const lease = store.lease();
  lease.add(leased.hash);
  assert.deepEqual(await store.emptyTrash(0), { deletedCount: 0, reclaimedBytes: 0n });
  assert.ok(existsSync(swept(over)), "its grace period is not over");
  await wait(20);
  assert.deepEqual(await store.emptyTrash(0, { graceMs: 10 }), { deletedCount: 1, reclaimedBytes: 4n });
  assert.equal(store.findBlob(over.hash), undefined);
  assert.ok([rooted, leased].every((id) => existsSync(store.blobPath(id)) && !existsSync(swept(id))));
  lease.release();
  roots.close();
});

test("once in the time, whichever process did it; a time in the future says nothing", async () => {
  await store.emptyTrash(0);
  assert.equal(await store.emptyTrash(HOUR), undefined);
  const lock = join(store.path, "sweep.lock");
  const ago = new Date(Date.now() - 2 * HOUR);
  utimesSync(lock, ago, ago);
  assert.ok(await store.emptyTrash(HOUR));
  assert.equal(await store.emptyTrash(HOUR), undefined);
  const ahead = new Date(Date.now() + HOUR);
  utimesSync(lock, ahead, ahead);
  assert.ok(await store.emptyTrash(HOUR));
});

test("the timer does it by itself", async () => {
  const over = await put("over");
  await sweep();
  const timer = new TrashTimer(
    { emptyTrash: (dueMs) => store.emptyTrash(dueMs, { graceMs: 0 }) },
    silentLog,
    5,
    0,
  );
  timer.start();
  try {
    for (let i = 0; i < 2000 && existsSync(swept(over)); i++) await wait(5);
    assert.ok(!existsSync(swept(over)));
  } finally {
    timer.stop();
  }
});

/** What a store looks like after each kind of damage, and after it was verified. docs/verify.md */
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { storeLayout } from "./blob-names.js";
import { openStore } from "./content-store.js";
import type { Fault } from "./examine.js";
import type { BlobId, ContentStore } from "./store.js";
import { verifyBlobs } from "./verify.js";
import { readState, takeVerifyLock, writeState } from "./verify-state.js";

interface Place {
  readonly store: ContentStore;
  readonly path: string;
  put(text: string): Promise<BlobId>;
}

async function place(t: TestContext): Promise<Place> {
  const base = mkdtempSync(join(tmpdir(), "vrift-verify-"));
  const path = join(base, "store");
  const store = await openStore(path);
  const lease = store.lease();
  t.after(() => {
    lease.release();
    store.close();
    rmSync(base, { recursive: true });
  });
  return { store, path, put: (text) => store.importBytes(Buffer.from(text), lease) };
}

/** As root, or after a chmod, somebody writes into a blob; its times go on as the kernel has them. */
function overwrite(path: string, text: string): void {
  chmodSync(path, 0o644);
  writeFileSync(path, text);
  chmodSync(path, 0o444);
}

/** What a failing disk does: other bytes, and nothing in the inode says so. */
function flip(path: string, text: string): void {
  const { atime, mtime } = statSync(path);
  overwrite(path, text);
  utimesSync(path, atime, mtime);
}

const faults = (damaged: readonly { fault: Fault }[]): Fault[] => damaged.map(({ fault }) => fault).sort();

test("a sound store: nothing is hashed, and with full everything is, in threads as without", async (t) => {
  const { path, put } = await place(t);
  for (let i = 0; i < 40; i++) await put(`content ${i}`);
  const quick = await verifyBlobs(path, { full: false });
  assert.deepEqual([quick.blobs, quick.hashed, quick.damaged], [40, 0, []]);
  for (const threads of [1, 2]) {
    let seen = 0;
    const full = await verifyBlobs(path, { full: true, threads, each: (blobs) => (seen += blobs) });
    assert.deepEqual(
      [full.blobs, full.hashed, full.bytes, full.hashedBytes],
      [40, 40, quick.bytes, quick.bytes],
    );
    assert.deepEqual([full.damaged, full.resumedMs, seen], [[], null, 40]);
  }
});

test("cut, written into, no file: quarantined at once; a flipped bit only with full", async (t) => {
  const { store, path, put } = await place(t);
  const [cut, written, link, flipped, whole] = [
    await put("is cut"),
    await put("is written into"),
    await put("becomes a link"),
    await put("is flipped"),
    await put("stays whole"),
  ];
  chmodSync(store.blobPath(cut), 0o644);
  truncateSync(store.blobPath(cut), 2);
  overwrite(store.blobPath(written), "IS written into");
  flip(store.blobPath(flipped), "is fl1pped");
  rmSync(store.blobPath(link));
  symlinkSync(store.blobPath(whole), store.blobPath(link));
  const quick = await verifyBlobs(path, { full: false });
  assert.deepEqual(faults(quick.damaged), ["content", "size", "type"]);
  for (const { aside } of quick.damaged)
    assert.ok(aside!.startsWith(join(path, "trash")) && aside!.endsWith(".bad"));
  assert.equal((await store.readBlob(whole)).toString(), "stays whole");
  for (const id of [cut, written, link]) assert.equal(store.statBlob(id), undefined);
  const full = await verifyBlobs(path, { full: true });
  assert.deepEqual(faults(full.damaged), ["content"]);
  assert.equal(readFileSync(full.damaged[0]!.aside!, "utf8"), "is fl1pped");
  assert.deepEqual((await verifyBlobs(path, { full: true })).damaged, []);
});

test("what has lost only its seal is hashed once and sealed again: a store copied without its times", async (t) => {
  const { store, path, put } = await place(t);
  const ids = [await put("one"), await put("two")];
  for (const id of ids) {
    chmodSync(store.blobPath(id), 0o600);
    utimesSync(store.blobPath(id), 1, 1);
  }
  const first = await verifyBlobs(path, { full: false });
  assert.deepEqual([first.hashed, first.resealed, first.damaged], [2, 2, []]);
  assert.ok(ids.every((id) => store.statBlob(id)?.sealed));
  assert.equal((await verifyBlobs(path, { full: false })).hashed, 0);
});

test("a blob that is still somebody's file is left to whoever imports it", async (t) => {
  const { store, path, put } = await place(t);
  const id = await put("shared");
  linkSync(store.blobPath(id), join(path, "..", "file"));
  const { linked, damaged } = await verifyBlobs(path, { full: false });
  assert.deepEqual([linked, damaged], [1, []]);
});

test("misnamed: content that the store misses gets its name back; all else goes to the trash", async (t) => {
  const { store, path, put } = await place(t);
  const [elsewhere, nameless, twice] = [await put("elsewhere"), await put("nameless"), await put("twice")];
  const shard = dirname(store.blobPath(twice));
  const other = join(path, "blake3", shard.endsWith("00") ? "01" : "00");
  mkdirSync(other, { recursive: true });
  const wrong = join(other, store.blobPath(elsewhere).split("/").at(-1)!);
  if (wrong !== store.blobPath(elsewhere)) renameSync(store.blobPath(elsewhere), wrong);
  renameSync(store.blobPath(nameless), join(path, "blake3", "what is this"));
  writeFileSync(join(shard, "copy of something"), "twice");
  mkdirSync(join(shard, "a directory"));
  const { damaged } = await verifyBlobs(path, { full: false });
  assert.deepEqual(faults(damaged), ["name", "name", "rightful", "rightful"]);
  for (const id of [elsewhere, nameless, twice]) assert.ok(store.statBlob(id)?.sealed);
  assert.ok(!existsSync(join(shard, "copy of something")) && !existsSync(wrong));
  assert.deepEqual((await verifyBlobs(path, { full: true })).damaged, []);
});

test("full goes on where an interrupted one has stopped, unless that is long ago or it is told to begin again", async (t) => {
  const { path, put } = await place(t);
  for (let i = 0; i < 20; i++) await put(`content ${i}`);
  const layout = storeLayout(path);
  const done = readdirSync(layout.blobs).slice(0, 3);
  const whole = await verifyBlobs(path, { full: true });
  const state = { beganMs: Date.now() - 1000, done, findings: { ...whole, blobs: 3, hashed: 0 } };
  writeState(layout, state);
  const rest = await verifyBlobs(path, { full: true });
  assert.equal(rest.resumedMs, state.beganMs);
  assert.ok(rest.hashed < 20 && rest.hashed >= 14, String(rest.hashed));
  assert.equal(readState(layout), undefined, "done");
  writeState(layout, state);
  assert.equal((await verifyBlobs(path, { full: true, restart: true })).hashed, 20);
  writeState(layout, { ...state, beganMs: Date.now() - 30 * 86_400_000 });
  assert.equal((await verifyBlobs(path, { full: true })).resumedMs, null);
  writeFileSync(layout.verifyState, "{", { mode: 0o600 });
  assert.equal((await verifyBlobs(path, { full: true })).hashed, 20);
});

test("one at a time", async (t) => {
  const { path } = await place(t);
  const release = takeVerifyLock(storeLayout(path));
  await assert.rejects(verifyBlobs(path, { full: false }), { code: "EBUSY" });
  release();
  assert.equal((await verifyBlobs(path, { full: false })).blobs, 0);
});

test("what was written into is not read, exported or claimed, and not taken for present", async (t) => {
  const { store, path, put } = await place(t);
  const staging = join(path, "..", "staging");
  mkdirSync(staging);
  const users: [string, (id: BlobId) => Promise<unknown>, string][] = [
    ["read", (id) => store.readBlob(id), "EIO"],
    ["export", (id) => store.exportTo(id, join(staging, "out"), staging, 0o644, 0n), "EIO"],
    ["claim", (id) => store.verifyBlob(id), "EINVAL"],
  ];
  for (const [what, use, code] of users)
    for (const damage of [overwrite, flip]) {
      const id = await put(`to ${what}`);
      damage(store.blobPath(id), `TO ${what}`);
      await assert.rejects(use(id), { code }, `${what}, ${damage.name}`);
      assert.equal(store.statBlob(id), undefined, "quarantined");
      assert.ok(!existsSync(join(staging, "out")));
    }
  const id = await put("present");
  overwrite(store.blobPath(id), "PRESENT");
  assert.equal(await store.isSound(id), false);
  await put("present");
  overwrite(store.blobPath(id), "PRESENT");
  await put("present");
  assert.equal((await store.readBlob(id)).toString(), "present");
  assert.equal(await store.isSound(id), true);
});

/** A new index of many names: made by another thread, reads answered meanwhile, changes in it, nothing under the name before it is whole. */
import assert from "node:assert/strict";
import { existsSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import type { Fixture } from "../../test/workspace-fixture.js";
import { silentLog } from "../platform/log.js";
import { workspacePaths } from "../platform/paths.js";
import { IndexReader } from "../vdir/index-reader.js";
import { openWorkspace } from "./open-workspace.js";
import { takeOwnerLock } from "./owner-lock.js";
import type { ProjectWorkspace } from "./project-workspace.js";

/** Enough for a thread. */
const FILES = 20_500;

let t: Fixture;
let id: string;
before(async () => {
  t = await workspaceFixture();
  const workspace = await t.registry.open(t.root, true);
  ({ id } = workspace.info);
  const entry = await t.adoptEntry("f", "content");
  for (let from = 0; from < FILES; from += 4000) {
    const count = Math.min(4000, FILES - from);
    const entries = Array.from({ length: count }, (_, i) => ({ ...entry, path: `f${from + i}` }));
    assert.deepEqual(await workspace.adopt(entries, "virtual"), { refused: [] });
  }
  t.write("physical", "text");
  await t.reopen();
});
after(() => t.close());

async function opening(): Promise<ProjectWorkspace> {
  const lock = takeOwnerLock(workspacePaths(t.home, id).lock);
  return openWorkspace({
    home: t.home,
    store: t.store,
    log: silentLog,
    root: t.root,
    id,
    kind: "phantom",
    lock,
  });
}

test("reads are answered while the index is made, changes are in it, and what a killed thread left is not taken", async () => {
  const { index } = workspacePaths(t.home, id);
  unlinkSync(index);
  const workspace = await opening();
  let isReady = false;
  const ready = workspace.ready.then(() => {
    isReady = true;
  });
  const added = workspace.upsert("added", await t.fileEntry("other content"));
  const removed = workspace.remove("f7");
  assert.equal((await workspace.get(`f${FILES - 1}`))?.size, 7n);
  assert.equal(await workspace.get("never"), null);
  assert.deepEqual([isReady, existsSync(index)], [false, false]);
  await Promise.all([ready, added, removed]);
  const reader = IndexReader.open(index);
  assert.equal(reader.header.virtualEntries, FILES);
  assert.equal(reader.lookup("added")?.size, 13n);
  assert.equal(reader.lookup("f7"), undefined);
  assert.equal(reader.lookup(`f${FILES - 1}`)?.size, 7n);
  assert.equal(reader.lookup("physical")?.size, 4n);
  await workspace.close();

  // What a thread that was killed has left, beside a file that is current.
  const before = statSync(index).ino;
  writeFileSync(`${index}.new`, "torn");
  writeFileSync(join(t.root, "later"), "x");
  const first = await opening();
  await first.ready;
  assert.equal(statSync(index).ino, before, "kept: it was current");
  await first.close();
  unlinkSync(index);
  const second = await opening();
  await second.ready;
  assert.equal(IndexReader.open(index).lookup("later")?.size, 1n, "made from what is there");
  assert.equal(existsSync(`${index}.new`), false);
  await second.close();
});

test("a new index of many has little room for long keys, and gets it when they come", async () => {
  const { index } = workspacePaths(t.home, id);
  unlinkSync(index);
  const workspace = await opening();
  await workspace.ready;
  const { keysSize, fileSize, keysOffset } = IndexReader.open(index).header;
  assert.ok(keysSize <= 65_536 + 64, `${keysSize} bytes of keys`);
  assert.equal(fileSize, keysOffset + keysSize);
  const entry = await t.adoptEntry("f", "content");
  const long = (n: number): string => `${"l".repeat(200)}${n}`;
  const entries = Array.from({ length: 1000 }, (_, n) => ({ ...entry, path: long(n) }));
  assert.deepEqual(await workspace.adopt(entries, "virtual"), { refused: [] });
  const reader = IndexReader.open(index);
  assert.ok(reader.header.keysSize > 200_000);
  for (const n of [0, 500, 999]) assert.equal(reader.lookup(long(n))?.size, 7n);
  assert.equal(reader.lookup("f8")?.size, 7n);
  await workspace.close();
});

/** Opening a workspace again: the index of last time is used, with what has changed since folded in. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import type { Fixture } from "../../test/workspace-fixture.js";
import { IndexReader } from "../vdir/index-reader.js";
import { constants } from "../vdir/layout.js";

let t: Fixture;
beforeEach(async () => {
  t = await workspaceFixture({ watch: true });
});
afterEach(async () => {
  await t.close();
});

test("an index that is current is kept; what changed meanwhile is in it; programs that map it go on with it", async () => {
  t.write("d/physical", "x");
  t.write("gone", "x");
  mkdirSync(join(t.root, ".git"));
  const first = await t.registry.open(t.root, true);
  await first.upsert("d/v", await t.fileEntry("virtual"));
  await first.upsert("d/w", await t.fileEntry("of another size"));
  const { index: path, virtualEntries, virtualBytes } = first.info;
  const mapped = IndexReader.open(path);
  const { ino } = statSync(path);

  const closed = await t.reopen();
  assert.equal(mapped.header.alive, false);
  t.write("d/v", "written while nobody watched");
  t.write("new/file", "x");
  rmSync(join(t.root, "gone"));
  rmSync(join(t.root, ".git"), { recursive: true });
  const second = await closed.open(t.root, true);
  assert.equal(statSync(second.info.index).ino, ino, "the same file");
  assert.deepEqual([mapped.header.alive, mapped.header.distrust, mapped.header.superseded], [true, 0, false]);
  assert.equal(second.info.virtualEntries, virtualEntries - 1);
  assert.equal(BigInt(second.info.virtualBytes), BigInt(virtualBytes) - 7n);
  assert.equal(
    (mapped.lookup("d/v")?.flags ?? 0) & Number(constants.ENTRY_BACKED),
    Number(constants.ENTRY_BACKED),
  );
  assert.equal(
    (mapped.lookup("d/w")?.flags ?? 0) & Number(constants.ENTRY_VIRTUAL),
    Number(constants.ENTRY_VIRTUAL),
  );
  assert.ok(mapped.lookup("new/file"));
  assert.equal(mapped.lookup("gone"), undefined);
  assert.equal(mapped.lookup(".git"), undefined, "a name of the kernel's that is gone");
});

test("an index that is damaged is made anew", async () => {
  t.write("a", "x");
  const { index: path } = (await t.registry.open(t.root, true)).info;
  const { ino } = statSync(path);
  const closed = await t.reopen();
  writeFileSync(path, "short");
  const { index } = (await closed.open(t.root, true)).info;
  assert.notEqual(statSync(index).ino, ino);
  assert.ok(IndexReader.open(index).lookup("a"));
});

/** What a project may not have more of: an honest refusal, and what is there stays as it is. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import { projectPaths } from "../platform/paths.js";
import { IndexReader } from "../vdir/index-reader.js";
import { constants } from "../vdir/layout.js";
import { removeOrphans } from "./staging.js";

const COMPLETE = Number(constants.ENTRY_COMPLETE);

test("names: requests are refused, files that programs make are left to the kernel, removing makes room", async (t) => {
  const fixture = await workspaceFixture({ quota: { entries: 6, stagingBytes: 1000 } });
  t.after(() => fixture.close());
  const workspace = await fixture.registry.open(fixture.root, true);
  for (const key of ["a", "b", "c"]) await workspace.upsert(key, await fixture.fileEntry(key)); // and the root
  mkdirSync(join(fixture.root, "d"));
  for (const name of ["1", "2", "3", "4"]) writeFileSync(join(fixture.root, "d", name), name);
  await workspace.resync();
  assert.equal(workspace.info.entries, 6, "the root, a, b, c, d and one of its files");
  assert.equal((await workspace.list("d")).length, 4, "all of them are listed");
  const index = IndexReader.open(workspace.info.index);
  assert.equal(index.lookup("d")!.flags & COMPLETE, 0, "programs ask the kernel");
  assert.equal(Buffer.from((await workspace.get("d/4"))!.content_hash).length, 32);
  const refused = { code: "EDQUOT", message: /project_entries is 6/ };
  await assert.rejects(workspace.upsert("e", await fixture.fileEntry("e")), refused);
  assert.equal(await workspace.get("e"), null);
  await workspace.upsert("a", await fixture.fileEntry("changed")); // no new name
  await workspace.remove("b");
  await workspace.upsert("e", await fixture.fileEntry("e"));
  await assert.rejects(workspace.upsert("f", await fixture.fileEntry("f")), refused);
});

test("staging: with too much of it nothing more is put there", async (t) => {
  const fixture = await workspaceFixture({ quota: { entries: 100, stagingBytes: 1000 } });
  t.after(() => fixture.close());
  const workspace = await fixture.registry.open(fixture.root, true);
  await workspace.upsert("x", await fixture.fileEntry("executable", 0o755));
  const { staging } = projectPaths(fixture.root);
  const left = join(staging, "of-a-client");
  writeFileSync(left, "");
  truncateSync(left, 995);
  const more = await fixture.fileEntry("more than five bytes", 0o755);
  await assert.rejects(workspace.upsert("x", more), { code: "EDQUOT", message: /staging_bytes is 1000/ });
  assert.equal((await workspace.get("x"))!.size, 10n);
  await workspace.upsert("virtual", await fixture.fileEntry("needs no staging"));
  truncateSync(left, 5);
  await workspace.upsert("x", more);
});

test("staging files of processes that are gone go, when they are old enough; those of others stay", async (t) => {
  const fixture = await workspaceFixture();
  t.after(() => fixture.close());
  await fixture.registry.open(fixture.root, true);
  const { staging } = projectPaths(fixture.root);
  // No process has such a number: pid_max is 4,194,304 at most.
  for (const name of ["4194305.1", `${process.pid}.99999`, "of-a-client"])
    writeFileSync(join(staging, name), "");
  utimesSync(join(staging, "4194305.1"), 1, 1); // an exact copy's time may be old: it does not count
  assert.equal(removeOrphans(staging, 60_000), 0);
  assert.equal(removeOrphans(staging), 1);
  assert.deepEqual(readdirSync(staging).sort(), [`${process.pid}.99999`, "of-a-client"]);
});

/** The wire cases at toy size: they run, and every side answers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { buildBenchPrograms } from "./programs.js";
import { memory } from "./memory.js";
import { rebuild } from "./rebuild.js";
import { wire } from "./wire.js";

test("the wire is measured on both sides", async () => {
  buildBenchPrograms();
  const rows = await wire.run({ toy: true, cache: "", note: () => undefined });
  assert.equal(rows.length, 2 * 2 * (3 + 2) + 2 + 3);
  for (const { what, ours, theirs } of rows) {
    if (what.startsWith("an idle")) continue;
    assert.ok(ours.median > 0 && Number.isFinite(theirs.median), what);
  }
});

test("the memory of a project's process is measured", async () => {
  const rows = await memory.run({ toy: true, cache: "", note: () => undefined });
  assert.equal(rows.length, 2);
  for (const { what, ours, theirs } of rows) assert.ok(ours.median > 0 && theirs.median > 0, what);
});

test("an index that is made again is measured", async () => {
  const rows = await rebuild.run({ toy: true, cache: "", note: () => undefined });
  assert.equal(rows.length, 3);
  for (const { what, ours, theirs } of rows) assert.ok(ours.median > 0 && theirs.median > 0, what);
});

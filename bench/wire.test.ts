/** The wire cases at toy size: they run, and every side answers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { buildBenchPrograms } from "./programs.js";
import { wire } from "./wire.js";

test("the wire is measured on both sides", async () => {
  buildBenchPrograms();
  const rows = await wire.run({ toy: true, note: () => undefined });
  assert.equal(rows.length, 2 * 2 * (3 + 2) + 2 + 3);
  for (const { what, ours, theirs } of rows) {
    if (what.startsWith("an idle")) continue;
    assert.ok(ours.median > 0 && Number.isFinite(theirs.median), what);
  }
});

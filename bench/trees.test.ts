/** The bench case at toy size: every command works, and every row has figures of both sides. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { trees } from "./trees.js";

test("a tree goes into the store and comes out, beside plain programs", { timeout: 120_000 }, async () => {
  const rows = await trees.run({ toy: true, cache: "", note: () => undefined });
  assert.ok(rows.length >= 6);
  for (const { what, ours, theirs } of rows) assert.ok(ours.median > 0 && theirs.median > 0, what);
});

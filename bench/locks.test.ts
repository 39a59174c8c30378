/** The case runs, small: a lock goes from hand to hand on both ways. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { locks } from "./locks.js";

test("a lock is handed over, on the project's socket and through vriftd", { timeout: 60_000 }, async () => {
  const rows = await locks.run({ toy: true, cache: "", note: () => undefined });
  assert.equal(rows.length, 4);
  for (const { what, ours } of rows) assert.ok(ours.median > 0, what);
});

/** A thousand idle connections: none costs a daemon more than it may, and a newcomer is answered. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { IDLE_KIB_MAX, crowd } from "./crowd.js";

test("a thousand idle connections cost at most 32 KiB each", { timeout: 120_000 }, async () => {
  const rows = await crowd.run({ toy: true, cache: "", note: () => undefined });
  for (const { what, ours } of rows) assert.ok(ours.median <= IDLE_KIB_MAX, `${what}: ${ours.median} KiB`);
});

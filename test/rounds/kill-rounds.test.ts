/** A few rounds of kill-rounds.ts; 300 of them: `npm run stress:kills`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { killRounds } from "./kill-rounds.js";

const SEED = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);

test("kill -9 at random: what was done is there", { timeout: 300_000 }, async (t) => {
  const { failures, kills, operations } = await killRounds(3, SEED, () => undefined, 1);
  t.diagnostic(`VRIFT_TEST_SEED=${SEED}: ${JSON.stringify(kills)}, ${operations} operations`);
  assert.deepEqual(failures, []);
  assert.ok(operations > 0);
});

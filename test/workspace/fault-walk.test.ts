/**
 * Every file operation of a procedure fails, one after the other: whoever asked is told why, the tree is as it was or as it should be, in
 * this process and for the next one, and nothing virtual lacks its content. Here a few of them; all: `npm run stress:faults`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../store/random.js";
import { keeping, procedures } from "./killed-procedures.js";
import { runFaultWalk } from "./run-fault-walk.js";

const SEED = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);
const random = new Random(SEED);
const names = Object.keys(procedures);
const chosen = new Set(["commit", "dehydrate", ...[1, 2, 3].map(() => names[random.below(names.length)]!)]);
assert.ok("commit" in keeping && "dehydrate" in keeping);

for (const procedure of chosen)
  test(`${procedure}: calls that fail`, { timeout: 120_000 }, async (t) => {
    const { calls, walked, told, problems } = await runFaultWalk(procedure, SEED, 3);
    t.diagnostic(`${walked} of ${calls} (VRIFT_TEST_SEED=${SEED}): ${told.map(([what]) => what).join(", ")}`);
    assert.ok(calls > 0);
    assert.deepEqual(problems, []);
  });

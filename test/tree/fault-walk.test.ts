/**
 * A file operation of a command fails, any of them: nothing is lost, and the same command again completes what it began. Here a few; one of
 * every so many: `npm run stress:faults:tree`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../store/random.js";
import { PROCEDURES, runFaultWalk } from "./run-fault-walk.js";

const SEED = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);
const random = new Random(SEED);
const chosen = new Set([0, 1].map(() => PROCEDURES[random.below(PROCEDURES.length)]!));

for (const procedure of chosen)
  test(`${procedure}: calls that fail`, { timeout: 120_000 }, async (t) => {
    const { calls, walked, told, problems } = await runFaultWalk(procedure, SEED, "3");
    t.diagnostic(`${walked} of ${calls} (VRIFT_TEST_SEED=${SEED}): ${told.map(([what]) => what).join(", ")}`);
    assert.deepEqual(problems, []);
  });

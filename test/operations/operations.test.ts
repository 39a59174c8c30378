/** The short form of `npm run stress:operations`, which also kills the daemon meanwhile. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { buildNative } from "../inception/phantom-fixture.js";
import { operate } from "./shared.js";

const SEED = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);

before(buildNative);

test("processes at random work on one tree see what a plain one would show, and what they did adds up", async (context) => {
  context.diagnostic(`VRIFT_TEST_SEED=${SEED}`);
  const { failures, ...figures } = await operate({
    seed: SEED,
    seconds: 1.5,
    steps: 250,
    processes: 4,
    killEveryMs: 0,
  });
  context.diagnostic(JSON.stringify(figures));
  assert.deepEqual(failures, []);
});

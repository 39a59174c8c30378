/** Manifest and store over the wire against a model, with kill -9 of every daemon. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runModel } from "../model/run.js";

const SEED = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);
/** The long run is `npm run stress:model`. */
const SECONDS = 4;

test(
  "random requests from many connections, daemons killed at random: what is told is the model's",
  { timeout: 180_000 },
  async (t) => {
    t.diagnostic(`VRIFT_TEST_SEED=${SEED}`);
    const report = await runModel(SEED, SECONDS);
    t.diagnostic(JSON.stringify(report));
    assert.deepEqual(report.failures, []);
    assert.ok(
      report.locked > 20 &&
        report.answered > 100 &&
        report.killedProjects + report.killedBoth + report.killedDaemons > 2,
    );
  },
);

/** The short form of `npm run stress:processes`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crowd } from "./crowd.js";

test("many processes and a parallel build: all end, nothing is said, nothing stays open", async (context) => {
  const { failures, ms } = await crowd({
    processes: 40,
    execs: 400,
    sources: 12,
    builds: 2,
    limitMs: 120_000,
  });
  context.diagnostic(JSON.stringify(ms));
  assert.deepEqual(failures, []);
});

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runStress } from "./sweep-stress.js";

const SEED = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);
/** The long run is `npm run stress:sweep`. */
const SECONDS = 6;

test("a sweep beside imports, claims and snapshots, killed at random, loses nothing that is named", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "vrift-stress-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  t.diagnostic(`VRIFT_TEST_SEED=${SEED}`);
  const report = await runStress(directory, SEED, SECONDS);
  t.diagnostic(JSON.stringify(report));
  assert.deepEqual(report.failures, []);
  assert.ok(report.sweeps > 0 && report.deleted > 0 && report.acknowledged > 0 && report.kills > 0);
});

/** The short run of `npm run fuzz:wire`, with the corpus of the long ones. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { wireCorpus } from "./fuzz-corpus.js";
import { fuzzWire } from "./fuzz.js";

const seed = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 2 ** 31);

test("damaged frames: every one is answered, daemons live on, and a well-behaved client notices nothing", async () => {
  const corpus = wireCorpus();
  assert.ok(corpus.size >= 50, "the corpus is there");
  const report = await fuzzWire(20_000, seed, corpus);
  assert.ok(report.decoded > 100 && report.refused > 1000 && report.live === 2000, JSON.stringify(report));
});

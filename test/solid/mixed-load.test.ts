/** The short form of `npm run stress:load`: everything that it does is done, and what is held is counted. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { TestHome } from "../cli/vrift-process.js";
import { growth, mixedLoad } from "./mixed-load.js";

const home = new TestHome();
after(() => home.remove());

test("two projects for a moment", async () => {
  const { rounds, samples } = await mixedLoad({
    home,
    seed: 1,
    durationMs: 3000,
    projects: 2,
    files: 60,
    sampleMs: 200,
  });
  assert.ok(rounds > 0);
  const last = samples.at(-1);
  assert.ok(
    last !== undefined && last.privateKiB > 10_000 && last.descriptors > 20 && last.indexBytes > 10_000,
    JSON.stringify(last),
  );
  // Twenty directories with seven in each at least, as far as the process is there already.
  assert.ok(last.watches > 40, JSON.stringify(last));
  assert.ok(growth(samples, (held) => held.descriptors).ratio > 0);
});

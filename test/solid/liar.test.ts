import assert from "node:assert/strict";
import { after, test } from "node:test";
import { TestHome } from "../cli/vrift-process.js";
import { checkoutBranch, liar, reportText } from "./liar.js";

const SEED = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);
const home = new TestHome();
after(() => home.remove());

/** The long run is `npm run stress:solid`. */
test("what the index of a solid tree says is what the kernel says", async (t) => {
  t.diagnostic(`VRIFT_TEST_SEED=${SEED}`);
  const report = await liar({ home, seed: SEED, files: 300, rounds: 1, changes: 200, ownMs: 2000 });
  t.diagnostic(reportText(report));
  assert.match(report.own, /^right: /);
  assert.ok(report.fromIndex > 300, "the index was asked");
});

test("another branch is checked out", async () => {
  const { answers } = await checkoutBranch(home, 300, ["one"]);
  assert.ok(answers > 0);
});

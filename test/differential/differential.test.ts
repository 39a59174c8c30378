/** The short form of `npm run differential`: the scenarios that need no package of a registry and no long time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scenarios } from "./all.js";
import { runDifferential } from "./run.js";

const { verdicts, notes } = await runDifferential(scenarios.filter(({ heavy }) => heavy !== true));

test("the base programs are here", (context) => {
  for (const note of notes) context.diagnostic(note);
  assert.ok(verdicts.length >= 20, `${verdicts.length} scenarios`);
});

for (const { scenario, differences } of verdicts)
  test(scenario.name, () => assert.equal(differences.join("\n"), ""));

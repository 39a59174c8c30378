/** The short form of `npm run differential -- --solid`: those that change files in the most ways. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scenarios } from "./all.js";
import { runDifferential } from "./run.js";

const CHOSEN = [
  "mv in every way",
  "rm, rmdir, mkdir, install",
  "links, modes, owners, times",
  "dd, truncate, tee, split, shred, mktemp",
  "an editor that renames over",
  "an editor that truncates and writes",
  "git from init to gc",
];

const chosen = scenarios.filter(({ name }) => CHOSEN.includes(name));
const { verdicts } = await runDifferential(chosen, { solid: true });

test("all of them are in the table", () => assert.equal(chosen.length, CHOSEN.length));

for (const { scenario, differences } of verdicts)
  test(`solid: ${scenario.name}`, () => assert.equal(differences.join("\n"), ""));

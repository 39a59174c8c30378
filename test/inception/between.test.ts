/** Two programs at the same names, one of them interrupted by the other at every system call (interleave.ts). `npm run stress:meetings` has more of them. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { interleave } from "./interleave.js";
import { FOUND } from "./meetings.js";
import { buildNative } from "./phantom-fixture.js";

before(buildNative);

for (const [trust, stride] of [
  ["trusted", 1],
  ["dead", 2],
] as const)
  test(`what two programs say and leave is that of one after the other: ${trust}`, async (context) => {
    const { runs, failures } = await interleave(FOUND, { first: 0, stride, directories: 900, trust });
    context.diagnostic(`${runs} runs`);
    // Fewer stops than that, and nobody was interrupted.
    assert.ok(runs > (20 / stride) * FOUND.length, `${runs} runs`);
    assert.deepEqual(failures, []);
  });

/**
 * `npm run stress:meetings -- [STRIDE] [PATTERN]`: every two operations of meetings.ts, the first held at every STRIDE-th of its stops; only those
 * whose text "SETUP; A; B" matches PATTERN. All of them are some 10,000 meetings, a second for each two or three.
 */
import { interleave } from "./interleave.js";
import type { Meeting } from "./interleave.js";
import { meetings } from "./meetings.js";
import { buildNative } from "./phantom-fixture.js";

/** In one tree. */
const AT_ONCE = 20;
/** More than any operation has. */
const STOPS = 400;

const [words = "4", pattern = ""] = process.argv.slice(2);
const stride = Number(words);
const matches = ({ setup, a, b }: Meeting): boolean => new RegExp(pattern).test(`${setup}; ${a}; ${b}`);
buildNative();
const chosen = meetings().filter(matches);
let count = 0;
let failed = 0;
for (let at = 0; at < chosen.length; at += AT_ONCE)
  for (const trust of ["trusted", "dead"] as const) {
    const part = chosen.slice(at, at + AT_ONCE);
    const directories = part.length * Math.ceil(STOPS / stride);
    const { runs, failures } = await interleave(part, {
      first: (at / AT_ONCE) % stride,
      stride,
      directories,
      trust,
    });
    count += runs;
    failed += failures.length;
    for (const failure of failures) console.log(`${trust}: ${failure}`);
  }
console.log(`${chosen.length} meetings, ${count} runs, ${failed} that no order explains`);
process.exitCode = failed === 0 ? 0 : 1;

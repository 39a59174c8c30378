/**
 * `npm run stress:operations -- [SECONDS] [SEED]`: six processes of each kind, turn after turn with seeds that
 * follow one another; the daemon is killed in every second turn, and in two of three what is written is committed, and made virtual again whenever the processes of a part
 * have ended and those of the next begin. Prints what it did; 1 when something cannot be.
 */
import { operate } from "./shared.js";

const [seconds = "60", first = String(Date.now() % 1_000_000)] = process.argv.slice(2);
const end = performance.now() + Number(seconds) * 1000;
let seed = Number(first);
let failed = 0;
for (; performance.now() < end; seed++) {
  const settings = {
    seed,
    seconds: 8,
    steps: 1500,
    processes: 6,
    killEveryMs: seed % 2 === 0 ? 0 : 400,
    commits: seed % 3 !== 0,
    parts: 4,
  };
  const { failures, ...figures } = await operate(settings);
  console.log(JSON.stringify({ seed, ...figures, failures: failures.length }));
  for (const failure of failures) console.error(failure);
  failed += failures.length;
}
console.log(`seeds ${first} to ${seed - 1}: ${failed} failures`);
process.exitCode = failed === 0 ? 0 : 1;

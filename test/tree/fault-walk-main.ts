/**
 * `npm run stress:faults:tree -- [EVERY] [SEED] [PROCEDURE]`: one of every EVERY (10) calls of phantom, solid, clone, snapshot and restore fails.
 * Prints what was wrong; 1 when something was. About five minutes.
 */
import { PROCEDURES, runFaultWalk } from "./run-fault-walk.js";

const [every = "10", seed = String(Date.now() % 1_000_000), only] = process.argv.slice(2);
let failed = 0;
for (const procedure of PROCEDURES) {
  if (only !== undefined && only !== procedure) continue;
  const { calls, walked, problems } = await runFaultWalk(procedure, Number(seed), `/${every}`);
  console.log(`${procedure}: ${walked} of ${calls} calls, ${problems.length} problems`);
  for (const problem of problems) console.error(`  ${problem}`);
  failed += problems.length;
}
console.log(`seed ${seed}: ${failed} problems`);
process.exitCode = failed === 0 ? 0 : 1;

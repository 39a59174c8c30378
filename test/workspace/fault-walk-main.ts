/**
 * `npm run stress:faults -- [SEED] [PROCEDURE]`: every call of every procedure of a workspace fails once. Prints what was told, and what
 * was wrong; 1 when something was. About ten minutes.
 */
import { keeping, procedures } from "./killed-procedures.js";
import { runFaultWalk } from "./run-fault-walk.js";

const [seed = String(Date.now() % 1_000_000), only] = process.argv.slice(2);
let failed = 0;
for (const procedure of Object.keys({ ...procedures, ...keeping })) {
  if (only !== undefined && only !== procedure) continue;
  const { calls, walked, told, problems } = await runFaultWalk(procedure, Number(seed), "all");
  console.log(`${procedure}: ${walked} of ${calls} calls, ${problems.length} problems`);
  for (const [what, times] of told) if (what.endsWith("done")) console.log(`  ${times} × ${what}`);
  for (const problem of problems) console.error(`  ${problem}`);
  failed += problems.length;
}
console.log(`seed ${seed}: ${failed} problems`);
process.exitCode = failed === 0 ? 0 : 1;

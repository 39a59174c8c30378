/** `npm run stress:sweep -- [SECONDS] [SEED]`: the long run of sweep-stress.test.ts. Prints what it did; 1 when something was lost. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runStress } from "./sweep-stress.js";

const [seconds = "120", seed = String(Date.now() % 1_000_000)] = process.argv.slice(2);
const directory = mkdtempSync(join(tmpdir(), "vrift-stress-"));
try {
  const report = await runStress(directory, Number(seed), Number(seconds));
  console.log(JSON.stringify({ seed, seconds, ...report }, null, 2));
  process.exitCode = report.failures.length === 0 ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}

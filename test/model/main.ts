/** `npm run stress:model -- [SECONDS] [SEED] [CONNECTIONS]`: the long run of test/wire/model.test.ts. Prints what it did; 1 when something cannot be explained. */
import { runModel } from "./run.js";

const [seconds = "120", seed = String(Date.now() % 1_000_000), connections = "24"] = process.argv.slice(2);
const report = await runModel(Number(seed), Number(seconds), {
  killEveryMs: 1000,
  connections: Number(connections),
});
const { failures, ...figures } = report;
console.log(JSON.stringify({ seed, seconds, ...figures }));
for (const failure of failures) console.error(failure);
process.exitCode = report.failures.length === 0 ? 0 : 1;

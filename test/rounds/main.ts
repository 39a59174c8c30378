/** `npm run stress:kills -- [ROUNDS] [SEED]`: kill-rounds.ts; 1 when something was lost. 300 rounds take about a quarter of an hour. */
import { killRounds } from "./kill-rounds.js";

const [rounds = "300", seed = String(Date.now() % 1_000_000)] = process.argv.slice(2);
const { failures, ...figures } = await killRounds(Number(rounds), Number(seed), (line) => console.log(line));
console.log(JSON.stringify({ seed: Number(seed), ...figures, failures: failures.length }));
for (const failure of failures) console.error(failure);
process.exitCode = failures.length === 0 ? 0 : 1;

/**
 * `npm run stress:processes -- [--project DIR]`: 200 processes at once, 10,000 execs, ten builds with `make -j8` of a generated C project
 * (or of DIR, which is copied). Prints how long each took; 1 when something hangs, is said on stderr, or stays open.
 */
import { parseArgs } from "node:util";
import { crowd } from "./crowd.js";

const { values } = parseArgs({ options: { project: { type: "string" } } });
const { failures, ms } = await crowd({
  processes: 200,
  execs: 10_000,
  sources: 60,
  builds: 10,
  limitMs: 600_000,
  ...(values.project === undefined ? {} : { project: values.project }),
});
console.log(JSON.stringify(ms));
for (const failure of failures) console.error(failure);
process.exitCode = failures.length === 0 ? 0 : 1;

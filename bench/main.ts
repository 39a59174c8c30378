/**
 * `npm run bench -- [FILTER] [--toy] [--json] [--cache DIR] [--rounds N]`: runs the cases whose names contain FILTER and prints medians
 * with their ranges. Figures are ratios of one run; machines differ and are noisy. DIR keeps trees that are fetched from a registry
 * (default: vrift-bench in the user's cache directory).
 */
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { BenchCase, BenchRow } from "./case.js";
import { crowd } from "./crowd.js";
import { endToEnd } from "./end-to-end.js";
import { isolation } from "./isolation.js";
import { locks } from "./locks.js";
import { list, lookup, million, nodeStart, start } from "./lookup.js";
import { manifest } from "./manifest.js";
import { memory } from "./memory.js";
import { buildBenchPrograms } from "./programs.js";
import { rebuild } from "./rebuild.js";
import { solid } from "./solid.js";
import { formatSpread } from "./statistics.js";
import { trees } from "./trees.js";
import { wire } from "./wire.js";

const cases: readonly BenchCase[] = [
  lookup,
  million,
  list,
  start,
  nodeStart,
  endToEnd,
  manifest,
  memory,
  rebuild,
  crowd,
  wire,
  locks,
  isolation,
  solid,
  trees,
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    toy: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    cache: {
      type: "string",
      default: join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "vrift-bench"),
    },
    rounds: { type: "string" },
  },
});
const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
  console.error("--rounds is not a number above 0");
  process.exit(2);
}
const chosen = cases.filter((each) => each.name.includes(positionals[0] ?? ""));
if (chosen.length === 0) {
  console.error(`No case matches. There are: ${cases.map((each) => each.name).join(", ")}`);
  process.exit(2);
}
buildBenchPrograms();
const results: Record<string, BenchRow[]> = {};
for (const each of chosen) {
  console.error(`${each.name}: ${each.summary}`);
  results[each.name] = await each.run({
    toy: values.toy,
    cache: values.cache,
    ...(rounds === undefined ? {} : { rounds }),
    note: (text) => console.error(`  ${text}`),
  });
}
if (values.json) console.log(JSON.stringify(results, null, 2));
else
  for (const [name, rows] of Object.entries(results))
    for (const row of rows)
      console.log(
        `${name}: ${row.what}: ${formatSpread(row.ratio, 2)} times; ${formatSpread(row.ours, 0)} ${row.unit} against ${formatSpread(row.theirs, 0)} ${row.unit}`,
      );

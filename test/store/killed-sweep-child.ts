/**
 * Sweeps once and kills itself before the n-th change. With a hash, a list names that content the moment the sweep has moved its
 * blob. Arguments: n, store, grace period in milliseconds, hash or nothing. Prints the number of changes when it gets through.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { countCalls } from "../kill-before-call.js";

const [at, path, graceMs, late] = process.argv.slice(2) as [string, string, string, string | undefined];

let afterRename: (from: string) => void = () => undefined;
const rename = fs.renameSync;
fs.renameSync = (from, to) => {
  rename(from, to);
  afterRename(String(from));
};
syncBuiltinESMExports();
const counter = countCalls();

const { openStore } = await import("../../src/store/content-store.js");
const { readSweepFilter } = await import("../../src/protocol/sweep-filter.js");
const store = await openStore(path);
const roots = await store.roots("late");
if (late !== undefined) {
  afterRename = (from) => {
    if (from.includes(late)) void roots.add([Buffer.from(late, "hex")]);
  };
}
const before = counter.calls;
counter.killBefore(Number(at));
await store.sweep(readSweepFilter(new Uint8Array(0)), { graceMs: Number(graceMs) });
const made = counter.calls - before;
counter.killBefore(Infinity);
process.stdout.write(String(made));

/**
 * Lets a test process kill itself with SIGKILL right before the n-th change it would make to the file system: every call that
 * changes a name, an inode or a byte counts. To be called before the modules under test are loaded.
 */
import fs from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { fileURLToPath } from "node:url";

let calls = 0;
let killAt = Infinity;

/** Counts from now on: SIGKILL comes before change `at` (1: the first). */
export function killBefore(at: number): void {
  calls = 0;
  killAt = at;
}

/** Changes since then; from now on nothing kills. */
export function stopCounting(): number {
  killAt = Infinity;
  return calls;
}

export function countChanges(): void {
  countFileSystemCalls();
  countNativeCalls();
}

function count(): void {
  calls += 1;
  if (calls >= killAt) process.kill(process.pid, "SIGKILL");
}

function counted<F extends (...values: never[]) => unknown>(call: F): F {
  return ((...values: Parameters<F>) => {
    count();
    return call(...values);
  }) as F;
}

function countFileSystemCalls(): void {
  const table = fs as unknown as Record<string, (...values: never[]) => unknown>;
  for (const name of [
    "renameSync",
    "linkSync",
    "unlinkSync",
    "mkdirSync",
    "rmdirSync",
    "rmSync",
    "chmodSync",
  ]) {
    table[name] = counted(table[name]!);
  }
  for (const name of [
    "fchmodSync",
    "writeSync",
    "futimesSync",
    "lutimesSync",
    "copyFileSync",
    "symlinkSync",
  ]) {
    table[name] = counted(table[name]!);
  }
  for (const name of ["ftruncateSync", "fsyncSync", "fdatasyncSync", "lchownSync"]) {
    table[name] = counted(table[name]!);
  }
  const open = fs.openSync;
  fs.openSync = (path, flags, mode) => {
    if (typeof flags === "number" && (flags & fs.constants.O_CREAT) !== 0) count();
    return open(path, flags, mode);
  };
  syncBuiltinESMExports();
}

/** The addon's functions cannot be replaced in it, but what `require` answers can. */
function countNativeCalls(): void {
  const path = fileURLToPath(new URL("../../build/native/vrift.node", import.meta.url));
  const require = createRequire(import.meta.url);
  const addon = require(path) as Record<string, (...values: never[]) => unknown>;
  const changing = new Set(["linkFd", "renameNoReplace", "syncfs", "setTimes"]);
  const entries = Object.entries(addon).map(([name, call]) => [
    name,
    changing.has(name) ? counted(call) : call,
  ]);
  const module: { exports: unknown } = require.cache[path]!;
  module.exports = Object.fromEntries(entries);
}

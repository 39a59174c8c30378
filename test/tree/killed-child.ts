/**
 * A process that runs one tree procedure and kills itself with SIGKILL right before the n-th change it would make to the
 * file system: every call that changes a name, an inode or a byte counts. Prints the number of calls when it gets through.
 * Arguments: n, access kind, fixture directory, procedure, its arguments.
 */
import fs from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { fileURLToPath } from "node:url";

let calls = 0;
let killAt = Infinity;

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
  const path = fileURLToPath(new URL("../../../build/native/vrift.node", import.meta.url));
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

async function main([at, kind, directory, procedure, ...paths]: string[]): Promise<void> {
  countFileSystemCalls();
  countNativeCalls();
  const { openFixture } = await import("./fixture.js");
  const { fixture, close } = await openFixture(directory!, kind as "file" | "local");
  const { context } = fixture;
  const [first, second] = paths as [string, string];
  killAt = calls + Number(at);
  const before = calls;
  if (procedure === "phantom") {
    const { phantom } = await import("../../src/tree/phantom.js");
    await phantom(first, context, { yes: true });
  } else if (procedure === "solid") {
    const { solid } = await import("../../src/tree/solid.js");
    await solid(first, context);
  } else {
    const { clone } = await import("../../src/tree/clone.js");
    await clone(first, second, context);
  }
  const made = calls - before;
  killAt = Infinity;
  await close();
  process.stdout.write(String(made));
}

await main(process.argv.slice(2));

/**
 * Counts every call of this process that changes a name, an inode or a byte, and ends it with SIGKILL right before the n-th.
 * To be imported before anything that takes functions out of node:fs.
 */
import fs from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { fileURLToPath } from "node:url";

export class CallCounter {
  #calls = 0;
  #killAt = Infinity;

  /** Made so far. */
  get calls(): number {
    return this.#calls;
  }

  /** The n-th call from now on is not made. */
  killBefore(n: number): void {
    this.#killAt = this.#calls + n;
  }

  count(): void {
    this.#calls += 1;
    if (this.#calls >= this.#killAt) process.kill(process.pid, "SIGKILL");
  }

  counted<F extends (...values: never[]) => unknown>(call: F): F {
    return ((...values: Parameters<F>) => {
      this.count();
      return call(...values);
    }) as F;
  }
}

/** @param more functions of the addon to count besides those that change the file system. */
export function countCalls(more: readonly string[] = []): CallCounter {
  const counter = new CallCounter();
  countFileSystemCalls(counter);
  countNativeCalls(counter, more);
  return counter;
}

const CHANGING = [
  ...["renameSync", "linkSync", "unlinkSync", "mkdirSync", "rmdirSync", "rmSync", "chmodSync", "symlinkSync"],
  ...["fchmodSync", "writeSync", "futimesSync", "lutimesSync", "copyFileSync", "ftruncateSync", "fsyncSync"],
  ...["fdatasyncSync", "lchownSync"],
];

function countFileSystemCalls(counter: CallCounter): void {
  const table = fs as unknown as Record<string, (...values: never[]) => unknown>;
  for (const name of CHANGING) table[name] = counter.counted(table[name]!);
  const open = fs.openSync;
  fs.openSync = (path, flags, mode) => {
    if (typeof flags === "number" && (flags & fs.constants.O_CREAT) !== 0) counter.count();
    return open(path, flags, mode);
  };
  syncBuiltinESMExports();
}

/** The addon's functions cannot be replaced in it, but what `require` answers can. */
function countNativeCalls(counter: CallCounter, more: readonly string[]): void {
  const path = fileURLToPath(new URL("../../build/native/vrift.node", import.meta.url));
  const require = createRequire(import.meta.url);
  const addon = require(path) as Record<string, (...values: never[]) => unknown>;
  const changing = new Set(["linkFd", "putFile", "renameNoReplace", "syncfs", "setTimes", ...more]);
  const entries = Object.entries(addon).map(([name, call]) => [
    name,
    changing.has(name) ? counter.counted(call) : call,
  ]);
  const module: { exports: unknown } = require.cache[path]!;
  module.exports = Object.fromEntries(entries);
}

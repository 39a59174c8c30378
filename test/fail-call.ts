/**
 * Lets the n-th call of this process that touches a file fail, as a full disk, a quota, a read-only or broken one, or a process without
 * descriptors would. To be imported, and `failingCalls` called, before anything that takes functions out of the addon.
 */
import fs from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { constants as os } from "node:os";
import { fileURLToPath } from "node:url";

export interface FailedCall {
  readonly name: string;
  readonly code: string;
}

type Codes = readonly string[];
type Call = (...values: never[]) => unknown;

const FULL: Codes = ["ENOSPC", "EDQUOT", "EIO"];
const NAMES: Codes = ["ENOSPC", "EROFS", "EDQUOT", "EIO"];
const CHANGES: Codes = ["EROFS", "EIO"];
const READS: Codes = ["EIO"];
const OPENS: Codes = ["EMFILE", "EIO"];
const CREATES: Codes = ["ENOSPC", "EMFILE", "EROFS"];

/** What node:fs has and this project calls, with what may come of it. */
const CALLS: Readonly<Record<string, Codes>> = {
  ...table(NAMES, "renameSync", "linkSync", "mkdirSync", "symlinkSync", "copyFileSync"),
  ...table(CHANGES, "unlinkSync", "rmdirSync", "rmSync", "chmodSync", "fchmodSync", "lchownSync"),
  ...table(CHANGES, "utimesSync", "futimesSync", "lutimesSync"),
  ...table(FULL, "writeSync", "writevSync", "fsyncSync", "fdatasyncSync", "ftruncateSync"),
  ...table(READS, "readSync", "lstatSync", "statSync", "fstatSync", "readdirSync", "readlinkSync"),
  ...table(OPENS, "opendirSync"),
};
const NATIVE: Readonly<Record<string, Codes>> = {
  ...table(NAMES, "linkFd", "putFile", "renameNoReplace"),
  ...table(CHANGES, "setTimes"),
  ...table(FULL, "indexCreate", "indexGrow", "indexInsert"),
};
const NATIVE_PROMISES: Readonly<Record<string, Codes>> = {
  ...table(["EIO", "ENOSPC"], "syncfs"),
  ...table(READS, "scanTree"),
};

export class FailingCalls {
  #calls = 0;
  #failAt = Infinity;
  #pick = 0;
  #failed: FailedCall | undefined;
  #stack = "";

  /** Made since `failAt`. */
  get calls(): number {
    return this.#calls;
  }

  /** The one that failed. */
  get failed(): FailedCall | undefined {
    return this.#failed;
  }

  /** Who made it. */
  get stack(): string {
    return this.#stack;
  }

  /** The n-th call from now on fails, once, with one of its errors. Infinity: none does. */
  failAt(n: number, pick = 0): void {
    this.#calls = 0;
    this.#failed = undefined;
    this.#failAt = n;
    this.#pick = pick;
  }

  /** @returns the error of this call, if it is the one. */
  count(name: string, codes: Codes): NodeJS.ErrnoException | undefined {
    this.#calls += 1;
    if (this.#calls !== this.#failAt) return undefined;
    const code = codes[this.#pick % codes.length]!;
    this.#failed = { name, code };
    const errno = -(os.errno as Readonly<Record<string, number>>)[code]!;
    const error = new Error(`${code}: made to fail, ${name}`);
    this.#stack = error.stack ?? "";
    return Object.assign(error, { code, errno, syscall: name });
  }

  failing(name: string, codes: Codes, call: Call): Call {
    return (...values) => {
      const error = this.count(name, codes);
      if (error !== undefined) throw error;
      return call(...values);
    };
  }
}

export function failingCalls(): FailingCalls {
  const calls = new FailingCalls();
  const table = fs as unknown as Record<string, Call>;
  for (const [name, codes] of Object.entries(CALLS)) table[name] = calls.failing(name, codes, table[name]!);
  const open = fs.openSync;
  fs.openSync = (path, flags, mode) => {
    const creates = typeof flags === "number" && (flags & fs.constants.O_CREAT) !== 0;
    const error = calls.count("openSync", creates ? CREATES : OPENS);
    if (error !== undefined) throw error;
    return open(path, flags, mode);
  };
  fs.realpathSync.native = calls.failing(
    "realpathSync.native",
    READS,
    fs.realpathSync.native,
  ) as typeof fs.realpathSync.native;
  syncBuiltinESMExports();
  failNative(calls);
  return calls;
}

/** The addon's functions cannot be replaced in it, but what `require` answers can. */
function failNative(calls: FailingCalls): void {
  const path = fileURLToPath(new URL("../../build/native/vrift.node", import.meta.url));
  const require = createRequire(import.meta.url);
  const addon = require(path) as Record<string, Call>;
  const entries = Object.entries(addon).map(([name, call]): [string, Call] => {
    const codes = NATIVE[name];
    if (codes !== undefined) return [name, calls.failing(name, codes, call)];
    const later = NATIVE_PROMISES[name];
    if (later === undefined) return [name, call];
    const failing: Call = (...values) => {
      const error = calls.count(name, later);
      return error === undefined ? call(...values) : Promise.reject(error);
    };
    return [name, failing];
  });
  require.cache[path]!.exports = Object.fromEntries(entries);
}

function table(codes: Codes, ...names: string[]): Record<string, Codes> {
  return Object.fromEntries(names.map((name) => [name, codes]));
}

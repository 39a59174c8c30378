/** What the index says of itself and of a key, beside what the library made of it. */
import { lstatSync } from "node:fs";
import { native } from "../platform/native.js";
import { constants } from "../vdir/layout.js";
import { IndexReader } from "../vdir/index-reader.js";
import type { IndexEntry } from "../vdir/index-reader.js";
import type { IndexHeader } from "../vdir/index-header.js";
import { markWord } from "../vdir/marks.js";

const STALE_NS = BigInt(constants.HEARTBEAT_STALE_NS);
const FLAGS = ["DIR", "SYMLINK", "VIRTUAL", "BACKED", "KERNEL", "COMPLETE", "HASHED"] as const;

export function flagNames(flags: number): string[] {
  return FLAGS.filter((name) => (flags & Number(constants[`ENTRY_${name}`])) !== 0).map((name) =>
    name.toLowerCase(),
  );
}

/** Why programs ask the kernel first at this moment; undefined when they need not. */
export function distrustReason(header: IndexHeader): string | undefined {
  if (header.superseded) return "a newer index has taken its name; programs map that one soon";
  if (!header.alive) return "no process of the project is running; `vrift run` starts one";
  const beat = process.hrtime.bigint() - header.heartbeatNs;
  if (beat > STALE_NS)
    return `the project's process gave its last sign of life ${beat / 1_000_000_000n} s ago`;
  if (header.distrust !== 0)
    return "the project's process cannot watch the tree now (it is starting, or a limit of watches is reached)";
  return undefined;
}

/** Why the library uses no such index at all; undefined when it is as it should be. */
export function refusalReason(header: IndexHeader, root: string): string | undefined {
  if (header.kind !== Number(constants.KIND_PHANTOM))
    return "the workspace is solid: every file is where it was";
  const { dev, ino } = lstatSync(root, { bigint: true });
  if (dev !== header.rootDev || ino !== header.rootIno || root !== header.rootPath)
    return `the index was made for ${header.rootPath}, device ${header.rootDev}, inode ${header.rootIno}; it was moved or copied since`;
  return undefined;
}

/** EBUSY when the writer gave no quiet moment. */
export function entryOf(
  reader: IndexReader,
  key: string,
): { entry: IndexEntry | undefined; pathHash: string; markWord: number } {
  const hash = native.pathHash(Buffer.from(key));
  return {
    entry: reader.lookup(key),
    pathHash: `0x${hash.toString(16).padStart(16, "0")}`,
    markWord: markWord(hash),
  };
}

/** How full an index is, and how far names lie from where their hash points. */
import { native } from "../platform/native.js";
import type { IndexReader } from "./index-reader.js";
import { probeGroups } from "./index-reader.js";
import { constants } from "./layout.js";

export interface IndexReport {
  readonly entries: number;
  readonly directories: number;
  readonly completeDirectories: number;
  readonly links: number;
  readonly virtual: number;
  readonly backed: number;
  readonly kernel: number;
  readonly hashed: number;
  /** `probes[n]`: names found in the n-th group that is looked at, counted from 0. */
  readonly probes: readonly number[];
  /** Of all keys. */
  readonly keyBytes: number;
}

const GROUP = Number(constants.GROUP_ENTRIES);

/** Groups that are passed before the entry `number` is found by its key; 0 for the root, which is not looked for. */
export function probeLength(key: string, number: number, entryCapacity: number): number {
  if (number === 0) return 0;
  const home = Math.floor(number / GROUP);
  let passed = 0;
  for (const group of probeGroups(native.pathHash(Buffer.from(key)), entryCapacity / GROUP)) {
    if (group === home) return passed;
    passed += 1;
  }
  return passed;
}

export function indexReport(reader: IndexReader): IndexReport {
  const { entryCapacity } = reader.header;
  const probes: number[] = [];
  const count = {
    entries: 0,
    directories: 0,
    completeDirectories: 0,
    links: 0,
    virtual: 0,
    backed: 0,
    kernel: 0,
  };
  let hashed = 0;
  let keyBytes = 0;
  for (const { flags, key, number } of reader.entries()) {
    const has = (flag: bigint): number => ((flags & Number(flag)) !== 0 ? 1 : 0);
    count.entries += 1;
    count.directories += has(constants.ENTRY_DIR);
    count.completeDirectories += has(constants.ENTRY_COMPLETE);
    count.links += has(constants.ENTRY_SYMLINK);
    count.virtual += has(constants.ENTRY_VIRTUAL);
    count.backed += has(constants.ENTRY_BACKED);
    count.kernel += has(constants.ENTRY_KERNEL);
    hashed += has(constants.ENTRY_HASHED);
    keyBytes += Buffer.byteLength(key);
    const length = probeLength(key, number, entryCapacity);
    for (let n = probes.length; n <= length; n += 1) probes.push(0);
    probes[length] = (probes[length] ?? 0) + 1;
  }
  return { ...count, hashed, probes, keyBytes };
}

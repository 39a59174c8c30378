/** Reads an index file the slow way, for tests: what does a program that maps it find? */
import { readFileSync } from "node:fs";
import { constants, indexEntry, indexHeader } from "../src/vdir/layout.js";
import type { Struct } from "../src/vdir/layout.js";

export interface IndexView {
  readonly distrust: number;
  readonly superseded: number;
  readonly kind: number;
  /** Flags by key. */
  readonly flags: ReadonlyMap<string, number>;
  seen(word: number): bigint;
}

export function readIndex(file: string): IndexView {
  const bytes = readFileSync(file);
  const header = (name: string): number => Number(field(bytes, 0, indexHeader, name));
  const flags = new Map<string, number>();
  for (let i = 0; i < header("entry_used"); i++) {
    const at = header("entries_offset") + i * indexEntry.size;
    const entryFlags = Number(field(bytes, at, indexEntry, "flags"));
    if (entryFlags & Number(constants.ENTRY_FREE)) continue;
    const keyAt = header("keys_offset") + Number(field(bytes, at, indexEntry, "key_offset"));
    const key = bytes.toString("utf8", keyAt, keyAt + Number(field(bytes, at, indexEntry, "key_length")));
    flags.set(key, entryFlags);
  }
  return {
    distrust: header("distrust"),
    superseded: header("superseded"),
    kind: header("kind"),
    flags,
    seen: (word) => bytes.readBigUInt64LE(header("seen_offset") + word * 8),
  };
}

function field(bytes: Buffer, at: number, struct: Struct, name: string): bigint {
  const found = struct.fields.find((one) => one.name === name);
  switch (found?.type) {
    case "u16":
      return BigInt(bytes.readUInt16LE(at + found.offset));
    case "u32":
      return BigInt(bytes.readUInt32LE(at + found.offset));
    case "u64":
      return bytes.readBigUInt64LE(at + found.offset);
    default:
      throw new Error(`no number ${name} in ${struct.name}`);
  }
}

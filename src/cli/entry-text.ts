/** A manifest entry as people and --json see it. */
import { hashToHex } from "../platform/hash.js";
import { FLAG_DIR, FLAG_SYMLINK } from "../protocol/messages.js";
import type { VnodeEntry } from "../protocol/messages.js";

export interface EntryFacts {
  readonly type: "file" | "directory" | "symlink";
  /** Four octal digits. */
  readonly mode: string;
  readonly size: bigint;
  readonly mtime_ns: bigint;
  /** 64 hexadecimal digits; zero for a directory. */
  readonly content_hash: string;
}

export function entryFacts({ flags, mode, size, mtime, content_hash }: VnodeEntry): EntryFacts {
  return {
    type: flags & FLAG_DIR ? "directory" : flags & FLAG_SYMLINK ? "symlink" : "file",
    mode: mode.toString(8).padStart(4, "0"),
    size,
    mtime_ns: mtime,
    content_hash: hashToHex(content_hash),
  };
}

/** ISO 8601 in UTC, with all nine digits of the second: `2024-05-06T07:08:09.123456789Z`. */
export function timeText(ns: bigint): string {
  const seconds = ns / 1_000_000_000n;
  const rest = String(ns % 1_000_000_000n).padStart(9, "0");
  const milliseconds = Number(seconds) * 1000;
  if (Math.abs(milliseconds) > 8.64e15) return `${seconds}.${rest} s`;
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, `.${rest}Z`);
}

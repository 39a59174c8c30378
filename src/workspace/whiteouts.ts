/**
 * Whiteouts: files in `.vrift/whiteouts/` that say "this virtual name is removed", made by programs. Named
 * `<16 hex of pathHash(key)><16 hex of FNV-1a 64>`, with `.1`, `.2`… where another key has the name; the content is the key.
 */
import { join } from "node:path";
import { isUtf8 } from "node:buffer";
import type { Tree } from "./tree.js";
import { namesIn, readPrivateFile, unlinkIfPresent } from "../platform/files.js";
import { native } from "../platform/native.js";

export interface Whiteout {
  readonly file: string;
  readonly key: string;
}

/** The name of a key's whiteout, without a suffix: native/inception/whiteout.c makes the same. */
export function whiteoutStem(key: Buffer): string {
  let second = 0xcbf2_9ce4_8422_2325n;
  for (const byte of key) second = BigInt.asUintN(64, (second ^ BigInt(byte)) * 0x100_0000_01b3n);
  return [native.pathHash(key), second].map((hash) => hash.toString(16).padStart(16, "0")).join("");
}

/**
 * Every whiteout. A file that holds no key (a program was killed between creating and writing it) has not said anything
 * yet and is left out.
 */
export function readWhiteouts(directory: string): Whiteout[] {
  const found: Whiteout[] = [];
  for (const name of namesIn(directory)) {
    if (!/^[0-9a-f]{32}(\.[1-9][0-9]*)?$/.test(name)) continue;
    const file = join(directory, name);
    const bytes = readPrivateFile(file);
    if (bytes === undefined || bytes.length === 0 || !isUtf8(bytes)) continue;
    found.push({ file, key: bytes.toString("utf8") });
  }
  return found;
}

/** Keys of them all. A solid workspace has none. */
export function whitedOutKeys(tree: Pick<Tree, "kind" | "project">): ReadonlySet<string> {
  if (tree.kind !== "phantom") return new Set();
  return new Set(readWhiteouts(tree.project.whiteouts).map(({ key }) => key));
}

/** After its entry is gone. False: the program took it back, because its unlink failed. */
export function removeWhiteout(whiteout: Whiteout): boolean {
  return unlinkIfPresent(whiteout.file);
}

/** True for a key that is itself whited out or lies below a directory that is. */
export function isWhitedOut(keys: ReadonlySet<string>, key: string): boolean {
  if (keys.size === 0) return false;
  for (let end = key.length; end > 0; end = key.lastIndexOf("/", end - 1)) {
    if (keys.has(key.slice(0, end))) return true;
  }
  return false;
}

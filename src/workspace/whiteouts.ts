/**
 * Whiteouts: files in `.vrift/whiteouts/` that say "this virtual name is removed", made by programs. Named
 * `<16 hex of pathHash(key)>`, with `.1`, `.2`… where another key has the name; the content is the key.
 */
import { join } from "node:path";
import { isUtf8 } from "node:buffer";
import type { Tree } from "./tree.js";
import { namesIn, readPrivateFile, unlinkIfPresent } from "../platform/files.js";

export interface Whiteout {
  readonly file: string;
  readonly key: string;
}

/**
 * Every whiteout. A file that holds no key (a program was killed between creating and writing it) has not said anything
 * yet and is left out.
 */
export function readWhiteouts(directory: string): Whiteout[] {
  const found: Whiteout[] = [];
  for (const name of namesIn(directory)) {
    if (!/^[0-9a-f]{16}(\.[1-9][0-9]*)?$/.test(name)) continue;
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

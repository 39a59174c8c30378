/**
 * Whiteouts: files in `.vrift/whiteouts/` that say "this virtual name is removed", made by programs. Named
 * `<16 hex of pathHash(key)><16 hex of FNV-1a 64>`, with `.1`, `.2`… where another key has the name; the content is the key.
 */
import { isUtf8 } from "node:buffer";
import { opendirSync } from "node:fs";
import type { Dir } from "node:fs";
import { join } from "node:path";
import { isErrno, namesIn, readPrivateFile, unlinkIfPresent } from "../platform/files.js";
import { native } from "../platform/native.js";
import { whileQuiet } from "./stripes.js";
import type { Tree } from "./tree.js";

export interface Whiteout {
  readonly file: string;
  readonly key: string;
}

/** The name of a key's whiteout, without a suffix: native/inception/whiteout.c makes the same. */
export function whiteoutStem(key: Buffer): string {
  return native.pathHash(key).toString(16).padStart(16, "0") + fnv1a(key);
}

/** FNV-1a 64 in hexadecimal, its two halves apart: the prime is 2^40 + 0x1b3. */
function fnv1a(bytes: Buffer): string {
  let [high, low] = [0xcbf2_9ce4, 0x8422_2325];
  for (const byte of bytes) {
    low = (low ^ byte) >>> 0;
    const product = low * 0x1b3;
    high = (Math.imul(high, 0x1b3) + Math.floor(product / 2 ** 32) + (low << 8)) >>> 0;
    low = product >>> 0;
  }
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
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

/**
 * Those that stay. A program takes its whiteout back when its unlink fails, but only while it holds the stripe of the key: what
 * is there while nobody does is not taken back any more. The others are left for the next round; until then their programs
 * hide the names themselves.
 */
export function settledWhiteouts(tree: Pick<Tree, "kind" | "project" | "paths">): Whiteout[] {
  if (tree.kind !== "phantom") return [];
  const found = new Map(readWhiteouts(tree.project.whiteouts).map((whiteout) => [whiteout.key, whiteout]));
  if (found.size === 0) return [];
  const settled: Whiteout[] = [];
  whileQuiet(tree, [...found.keys()], (key) => {
    const whiteout = found.get(key)!;
    if (holdsKey(whiteout.file, key)) settled.push(whiteout);
  });
  return settled;
}

/** Keys of them all, settled or not: what programs do not see. A solid workspace has none. */
export function whitedOutKeys(tree: Pick<Tree, "kind" | "project">): ReadonlySet<string> {
  if (tree.kind !== "phantom") return new Set();
  return new Set(readWhiteouts(tree.project.whiteouts).map(({ key }) => key));
}

/** After its entry is gone. False: it was gone already. */
export function removeWhiteout({ file }: Whiteout): boolean {
  return unlinkIfPresent(file);
}

/** True for a key that is itself whited out or lies below a directory that is. */
export function isWhitedOut(keys: ReadonlySet<string>, key: string): boolean {
  if (keys.size === 0) return false;
  return selfAndAbove(key).some((name) => keys.has(name));
}

/** The same, asked of the disk for this one key: no more than its depth costs. */
export function isWhitedOutNow(tree: Pick<Tree, "kind" | "project">, key: string): boolean {
  return (
    tree.kind === "phantom" && selfAndAbove(key).some((name) => hasWhiteout(tree.project.whiteouts, name))
  );
}

/**
 * Which of these names of one directory are whited out. The directory of whiteouts is read as far as it is not longer than the
 * list, so that a listing costs its own names, however many whiteouts there are elsewhere.
 */
export function whitedOutNames(
  tree: Pick<Tree, "kind" | "project">,
  directory: string,
  names: readonly string[],
): ReadonlySet<string> {
  if (names.length === 0 || tree.kind !== "phantom") return new Set();
  if (isWhitedOutNow(tree, directory)) return new Set(names);
  const { whiteouts } = tree.project;
  const present = fewNamesIn(whiteouts, names.length + 64);
  if (present?.size === 0) return new Set();
  const isHidden = (name: string): boolean => {
    const key = directory === "" ? name : `${directory}/${name}`;
    return (
      (present === undefined || present.has(whiteoutStem(Buffer.from(key)))) && hasWhiteout(whiteouts, key)
    );
  };
  return new Set(names.filter(isHidden));
}

function selfAndAbove(key: string): string[] {
  const keys: string[] = [];
  for (let end = key.length; end > 0; end = key.lastIndexOf("/", end - 1)) keys.push(key.slice(0, end));
  return keys;
}

/** As programs look (native/inception/whiteout.c): the first name that is not there ends the search. */
function hasWhiteout(directory: string, key: string): boolean {
  const bytes = Buffer.from(key);
  const stem = join(directory, whiteoutStem(bytes));
  for (let n = 0; ; n++) {
    const content = readPrivateFile(n === 0 ? stem : `${stem}.${n}`);
    if (content === undefined || content.equals(bytes)) return content !== undefined;
  }
}

function holdsKey(file: string, key: string): boolean {
  return readPrivateFile(file)?.equals(Buffer.from(key)) === true;
}

/** undefined: there are more. */
function fewNamesIn(directory: string, limit: number): Set<string> | undefined {
  const names = new Set<string>();
  let open: Dir;
  try {
    open = opendirSync(directory);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return names;
    throw error;
  }
  try {
    for (let entry = open.readSync(); entry !== null; entry = open.readSync()) {
      if (names.size === limit) return undefined;
      names.add(entry.name);
    }
    return names;
  } finally {
    open.closeSync();
  }
}

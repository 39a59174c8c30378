/** Differences as text that `patch` and `git apply` take: git's headers, unified hunks made by diff(1). */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { VriftError } from "../platform/errors.js";
import type { ContentStore } from "../store/store.js";
import { contentPath } from "./diff.js";
import type { PresentName } from "./present-tree.js";
import type { RecordedName } from "./recorded-tree.js";
import type { Difference } from "./tree-difference.js";

export interface Patch {
  /** Ends with a newline. */
  readonly text: Buffer;
  readonly added: number;
  readonly removed: number;
  /** Its content is not shown. */
  readonly binary: boolean;
}

interface Hunks extends Omit<Patch, "text"> {
  readonly hunks: Buffer;
}

type Name = RecordedName | PresentName;

const NOWHERE = "/dev/null";
const NO_NEWLINE = "\\ No newline at end of file\n";
const NOTHING: Hunks = { hunks: Buffer.alloc(0), added: 0, removed: 0, binary: false };

export class PatchMaker {
  readonly #store: ContentStore;
  readonly #root: string;

  constructor(store: ContentStore, root: string) {
    this.#store = store;
    this.#root = root;
  }

  patch({ key, status, was, now, modeOnly }: Difference): Patch {
    if (status !== "T") return this.#section(key, was, now, modeOnly);
    // As git: the old name goes, then the new one comes.
    const [gone, come] = [
      this.#section(key, was, undefined, false),
      this.#section(key, undefined, now, false),
    ];
    return {
      text: Buffer.concat([gone.text, come.text]),
      added: gone.added + come.added,
      removed: gone.removed + come.removed,
      binary: gone.binary || come.binary,
    };
  }

  #section(key: string, was: Name | undefined, now: Name | undefined, modeOnly: boolean): Patch {
    if ((was ?? now)?.type === "dir") return directoryNote(key, was, now);
    const head = [`diff --git ${quoted(`a/${key}`)} ${quoted(`b/${key}`)}`, ...modeLines(was, now)];
    const { hunks, ...counts } = modeOnly ? NOTHING : this.#hunks(key, was, now);
    const names = [
      `--- ${was === undefined ? NOWHERE : label(`a/${key}`)}`,
      `+++ ${now === undefined ? NOWHERE : label(`b/${key}`)}`,
    ];
    const lines = [...modeNote(key, was, now), ...head, ...(hunks.length > 0 && !counts.binary ? names : [])];
    return { ...counts, text: Buffer.concat([Buffer.from(`${lines.join("\n")}\n`), hunks]) };
  }

  #hunks(key: string, was: Name | undefined, now: Name | undefined): Hunks {
    if (was?.type === "symlink" || now?.type === "symlink") return linkHunk(targetOf(was), targetOf(now));
    const [before, after] = [was, now].map((name) =>
      name === undefined ? NOWHERE : contentPath(this.#store, this.#root, key, name),
    );
    if (before === null || after === null)
      return this.#binary(key, was, now, "content of before is not kept: ");
    const { status, stdout, stderr, error } = spawnSync("diff", ["-u", "--", before!, after!], {
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
      maxBuffer: Infinity,
    });
    if (error !== undefined)
      throw new VriftError("ENOENT", `diff(1) cannot be run: ${error.message}`, { cause: error });
    if (status !== 0 && status !== 1) {
      if (stdout.length === 0)
        throw new VriftError("EIO", `diff(1) failed for ${key}: ${stderr.toString("utf8").trim()}`);
      return this.#binary(key, was, now, "");
    }
    if (stdout.subarray(0, 12).toString("latin1") === "Binary files") return this.#binary(key, was, now, "");
    const hunks = afterLines(stdout, 2);
    return { hunks, ...countLines(hunks), binary: false };
  }

  #binary(key: string, was: Name | undefined, now: Name | undefined, why: string): Hunks {
    const [a, b] = [
      was === undefined ? NOWHERE : quoted(`a/${key}`),
      now === undefined ? NOWHERE : quoted(`b/${key}`),
    ];
    return {
      hunks: Buffer.from(`${why}Binary files ${a} and ${b} differ\n`),
      added: 0,
      removed: 0,
      binary: true,
    };
  }
}

/** What git keeps of a mode: who owns the file may execute it, or not. */
function gitMode(name: Name): string {
  if (name.type === "symlink") return "120000";
  return name.type === "file" && (name.mode & 0o100) !== 0 ? "100755" : "100644";
}

/** Git's name for no content: without it patch(1) does not see that an empty file comes or goes. */
const EMPTY = "e69de29";

/** Git's name of a content. */
function gitId(content: Buffer): string {
  return createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex").slice(0, 12);
}

function isEmpty(name: Name): boolean {
  return name.type === "file" && name.size === 0n;
}

function modeLines(was: Name | undefined, now: Name | undefined): string[] {
  if (was === undefined)
    return now === undefined
      ? []
      : [`new file mode ${gitMode(now)}`, ...(isEmpty(now) ? [`index 0000000..${EMPTY}`] : [])];
  if (now === undefined)
    return [`deleted file mode ${gitMode(was)}`, ...(isEmpty(was) ? [`index ${EMPTY}..0000000`] : [])];
  const [before, after] = [gitMode(was), gitMode(now)];
  // Without the mode in this line patch(1) refuses to touch a link.
  if (was.type === "symlink") return [`index ${gitId(targetOf(was))}..${gitId(targetOf(now))} ${after}`];
  return before === after ? [] : [`old mode ${before}`, `new mode ${after}`];
}

/** What a patch cannot say. Programs that apply one skip the line. */
function modeNote(key: string, was: Name | undefined, now: Name | undefined): string[] {
  if (was === undefined || now === undefined || was.type === "symlink" || now.type === "symlink") return [];
  if (was.mode === now.mode || gitMode(was) !== gitMode(now)) return [];
  return [`# mode of ${quoted(key)}: ${octal(was.mode)} before, ${octal(now.mode)} now`];
}

function directoryNote(key: string, was: Name | undefined, now: Name | undefined): Patch {
  const [text] = [
    was === undefined
      ? `# new directory ${quoted(key)}`
      : now === undefined
        ? `# directory ${quoted(key)} is gone`
        : modeNote(key, was, now)[0],
  ];
  return { text: Buffer.from(text === undefined ? "" : `${text}\n`), added: 0, removed: 0, binary: false };
}

export function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

function targetOf(name: Name | undefined): Buffer {
  return name?.type === "symlink" ? Buffer.from(name.target, "latin1") : Buffer.alloc(0);
}

/** A link's target is its content, without a newline at the end. */
function linkHunk(before: Buffer, after: Buffer): Hunks {
  const [old, fresh] = [linesOf(before), linesOf(after)];
  const range = (lines: readonly Buffer[]): string =>
    lines.length === 0 ? "0,0" : lines.length === 1 ? "1" : `1,${lines.length}`;
  const hunks = Buffer.concat([
    Buffer.from(`@@ -${range(old)} +${range(fresh)} @@\n`),
    ...old.flatMap((line) => [Buffer.from("-"), line, Buffer.from("\n")]),
    ...(old.length > 0 ? [Buffer.from(NO_NEWLINE)] : []),
    ...fresh.flatMap((line) => [Buffer.from("+"), line, Buffer.from("\n")]),
    ...(fresh.length > 0 ? [Buffer.from(NO_NEWLINE)] : []),
  ]);
  return { hunks, added: fresh.length, removed: old.length, binary: false };
}

function linesOf(bytes: Buffer): Buffer[] {
  if (bytes.length === 0) return [];
  return bytes
    .toString("latin1")
    .split("\n")
    .map((line) => Buffer.from(line, "latin1"));
}

function afterLines(bytes: Buffer, count: number): Buffer {
  let at = 0;
  for (let line = 0; line < count; line++) {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) return Buffer.alloc(0);
    at = end + 1;
  }
  return bytes.subarray(at);
}

function countLines(hunks: Buffer): { added: number; removed: number } {
  let [added, removed] = [0, 0];
  for (let at = 0; at < hunks.length;) {
    if (hunks[at] === 0x2b) added += 1;
    else if (hunks[at] === 0x2d) removed += 1;
    const end = hunks.indexOf(0x0a, at);
    if (end < 0) break;
    at = end + 1;
  }
  return { added, removed };
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
  '"': '\\"',
  "\\": "\\\\",
};

/** As git writes names: plain, or in C's quotes where a character is special. Other bytes of UTF-8 stay as they are. */
export function quoted(name: string): string {
  if (!/[\x00-\x1f\x7f"\\]/.test(name)) return name;
  const escape = (character: string): string =>
    ESCAPES[character] ?? `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`;
  return `"${name.replaceAll(/[\x00-\x1f\x7f"\\]/g, escape)}"`;
}

/** A TAB ends a name with spaces, for programs that look for a time behind it. */
function label(name: string): string {
  const text = quoted(name);
  return text === name && name.includes(" ") ? `${name}\t` : text;
}

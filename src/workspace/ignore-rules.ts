/**
 * `.vriftignore` at the root of a solid tree, in the language of gitignore: names that are left to the kernel, with all that is below them. Pure but for
 * `readIgnoreRules`. What is ignored by default (`.git`, names of secrets) is policy.ts's.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../platform/files.js";
import type { ForeignNames } from "./kernel-names.js";
import type { WorkspaceKind } from "./workspace.js";

export const IGNORE_FILE = ".vriftignore";
/** A file of rules is a page or two; a pattern is tried on every name of the tree. */
const BYTES_MAX = 64 * 1024;

interface Rule {
  readonly pattern: RegExp;
  readonly negated: boolean;
  readonly directoriesOnly: boolean;
}

export class IgnoreRules {
  readonly #rules: readonly Rule[];

  constructor(text: string) {
    this.#rules = text.split(/\r?\n/).flatMap((line) => parseRule(line) ?? []);
  }

  /** The last rule that fits decides. Of a name in an ignored directory nobody asks. */
  ignores(key: string, isDirectory: boolean): boolean {
    for (let i = this.#rules.length - 1; i >= 0; i--) {
      const { pattern, negated, directoriesOnly } = this.#rules[i]!;
      if ((!directoriesOnly || isDirectory) && pattern.test(key)) return !negated;
    }
    return false;
  }
}

/** undefined: there are none. A file that cannot be read, or is none, has none either. */
function readIgnoreRules(root: string): IgnoreRules | undefined {
  try {
    const text = readFileSync(join(root, IGNORE_FILE), "utf8");
    return text.length > BYTES_MAX ? undefined : new IgnoreRules(text);
  } catch (error) {
    if (isErrno(error, "ENOENT", "EACCES", "EISDIR", "ELOOP", "ENOTDIR", "ENXIO")) return undefined;
    throw error;
  }
}

/** The rules as they are now; in a phantom tree what is virtual is `phantom`'s to choose. */
export function withIgnoreRules(kind: WorkspaceKind, root: string, foreign: ForeignNames): ForeignNames {
  return kind === "solid" ? { ...foreign, rules: readIgnoreRules(root) } : foreign;
}

function parseRule(line: string): Rule | undefined {
  // Blanks at the end count only behind a backslash.
  let text = line.replace(/(?<!\\)\s+$/, "");
  if (text === "" || text.startsWith("#")) return undefined;
  const negated = text.startsWith("!");
  if (negated || text.startsWith("\\#") || text.startsWith("\\!")) text = text.slice(1);
  const directoriesOnly = text.endsWith("/");
  if (directoriesOnly) text = text.slice(0, -1);
  // A slash anywhere but at the end ties the pattern to the root.
  const anchored = text.includes("/");
  if (text.startsWith("/")) text = text.slice(1);
  if (text === "") return undefined;
  return {
    pattern: new RegExp(`^${anchored ? "" : "(?:.*/)?"}${translate(text)}$`, "s"),
    negated,
    directoriesOnly,
  };
}

function translate(glob: string): string {
  let out = "";
  for (let at = 0; at < glob.length;) {
    const rest = glob.slice(at);
    const set = /^\[(!|\^)?(\]?[^\]]*)\]/.exec(rest);
    if (rest.startsWith("**/") && (at === 0 || glob[at - 1] === "/")) {
      out += "(?:.*/)?";
      at += 3;
    } else if (rest === "**" && glob[at - 1] === "/") {
      out += ".+";
      at += 2;
    } else if (rest.startsWith("*")) {
      out += "[^/]*";
      at += /^\*+/.exec(rest)![0].length;
    } else if (rest.startsWith("?")) {
      out += "[^/]";
      at += 1;
    } else if (set !== null) {
      out += `(?!/)[${set[1] === undefined ? "" : "^"}${set[2]!.replace(/[\\\]^[]/g, "\\$&")}]`;
      at += set[0].length;
    } else {
      const literal = rest.startsWith("\\") && rest.length > 1 ? rest[1]! : rest[0]!;
      out += literal.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
      at += rest.startsWith("\\") && rest.length > 1 ? 2 : 1;
    }
  }
  return out;
}

/**
 * Which file is still which: an inode is told from one that got its number later by the time it was made. A program that writes in place
 * keeps it, one that renames over does not; the library must leave both as they are.
 */
import type { Sandbox } from "../e2e/sandbox.js";

/** Identity by path, from the directory above all scenarios' trees. */
export type Inodes = ReadonlyMap<string, string>;

export function inodesOf(sandbox: Sandbox, root: string): Inodes {
  const script = "find . -mindepth 2 -print0 | sort -z | xargs -0 -r stat --printf='%n\\t%i %.9W\\n'";
  const listed = sandbox.sh(script, root, "bare");
  if (listed.code !== 0 || listed.stderr !== "") throw new Error(`inodes: ${listed.stderr}`);
  const found = new Map<string, string>();
  for (const line of listed.stdout.split("\n")) {
    const tab = line.lastIndexOf("\t");
    if (tab > 0) found.set(line.slice(2, tab), line.slice(tab + 1));
  }
  return found;
}

/** Lines by the first component of the path: the rest of it, "inode", and where that inode was before. */
export function sinceThen(before: Inodes, after: Inodes): Map<string, string[]> {
  const was = new Map<string, string>();
  for (const [path, inode] of before) if (!was.has(inode)) was.set(inode, path);
  const by = new Map<string, string[]>();
  for (const [path, inode] of after) {
    const from = before.get(path) === inode ? "kept" : (was.get(inode) ?? "new");
    const at = path.indexOf("/");
    const lines = by.get(path.slice(0, at)) ?? [];
    lines.push(`${path.slice(at + 1)}\tinode\t${from}`);
    by.set(path.slice(0, at), lines);
  }
  return by;
}

/** Phantom workspaces inside a tree: the innermost one owns its files. */
import { join } from "node:path";
import type { ScanEntry } from "../platform/scan.js";
import { isPhantomRoot } from "./refusal.js";

/** Keys of directories below `root` that are phantom workspaces themselves. */
export function innerWorkspaces(root: string, scan: readonly ScanEntry[]): string[] {
  return scan
    .filter(({ key, type }) => type === "dir" && key.endsWith("/.vrift"))
    .map(({ key }) => key.slice(0, -"/.vrift".length))
    .filter((key) => isPhantomRoot(join(root, key)));
}

export function isBelow(directories: readonly string[], key: string): boolean {
  return directories.some((directory) => key === directory || key.startsWith(`${directory}/`));
}

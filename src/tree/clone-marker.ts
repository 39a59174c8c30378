/** `.vrift/incomplete` in the destination of a clone, from its first moment to its last: the real path of the source. */
import { join } from "node:path";
import { makeDirectory, readPrivateFile, unlinkIfPresent, writeFileAtomic } from "../platform/files.js";
import { projectPaths } from "../platform/paths.js";

/** The source of the clone that was interrupted here; undefined when none was. */
export function incompleteCloneOf(root: string): string | undefined {
  return readPrivateFile(markerPath(root))?.toString("utf8");
}

export function markIncomplete(root: string, source: string): void {
  makeDirectory(projectPaths(root).dir);
  writeFileAtomic(markerPath(root), Buffer.from(source), { durable: true });
}

export function markComplete(root: string): void {
  unlinkIfPresent(markerPath(root));
}

function markerPath(root: string): string {
  return join(projectPaths(root).dir, "incomplete");
}

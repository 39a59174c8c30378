/** What is left of `.vrift/` where making or removing it was interrupted: nothing in it is anybody's data any more. */
import { readdirSync, rmSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { isErrno, unlinkIfPresent } from "../platform/files.js";
import { projectPaths } from "../platform/paths.js";
import { recordDirectory, restoreDirectories } from "../workspace/recorded-directories.js";

/** Left by a process that was killed while it wrote a file there. */
export function removeTemporaries(root: string): void {
  const { dir } = projectPaths(root);
  for (const name of namesIn(dir)) {
    if (/^\..+\.[0-9]+\.[0-9]+\.tmp$/.test(name)) unlinkIfPresent(join(dir, name));
  }
}

/** Of a directory that is not a workspace. What is not ours (a config.toml) stays, and so does `.vrift/` with it. */
export function removeRemains(root: string): void {
  const { dir, staging, whiteouts, gitignore } = projectPaths(root);
  const rootTimes = recordDirectory(root, "");
  removeTemporaries(root);
  for (const directory of [staging, whiteouts]) rmSync(directory, { recursive: true, force: true });
  unlinkIfPresent(gitignore);
  try {
    rmdirSync(dir);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTEMPTY", "EEXIST")) throw error;
  }
  if (rootTimes) restoreDirectories(root, [rootTimes]);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}

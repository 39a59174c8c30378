/**
 * Names under which a file is made before it takes its place: `.vrift/staging/<pid>.<n>` of a phantom workspace; in a solid
 * one, which has no directory of ours, `.vrift-<pid>.<n>` beside the target for as long as it takes to rename it.
 */
import { lstatSync } from "node:fs";
import { dirname, join } from "node:path";
import { namesIn, unlinkIfPresent } from "../platform/files.js";
import { processState } from "../platform/process-state.js";
import type { Tree } from "./tree.js";

let counter = 0;

/** On the file system of `target`; nobody else uses the name. */
export function stagingName(tree: Pick<Tree, "kind" | "project">, target: string): string {
  counter += 1;
  const own = `${process.pid}.${counter}`;
  return tree.kind === "phantom" ? join(tree.project.staging, own) : join(dirname(target), `.vrift-${own}`);
}

/** A name beside a target that this process is making: nobody is told of it, it is the target in a moment. */
export function isBeingMade(name: string): boolean {
  return name.startsWith(`.vrift-${process.pid}.`);
}

/** Removes what dead processes left in staging: nobody can publish it any more. Returns how many. */
export function removeOrphans(staging: string, olderThanMs = 0): number {
  let removed = 0;
  for (const name of namesIn(staging)) {
    const pid = /^([1-9][0-9]*)\.[0-9]+$/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid)) || !isOlder(join(staging, name), olderThanMs)) continue;
    if (unlinkIfPresent(join(staging, name))) removed += 1;
  }
  return removed;
}

function isOlder(path: string, ms: number): boolean {
  if (ms === 0) return true;
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.ctimeMs >= ms;
}

/** The same for a name beside a target. True when `key` was one. */
export function removeOrphanBeside(root: string, key: string): boolean {
  const pid = /(?:^|\/)\.vrift-([1-9][0-9]*)\.[0-9]+$/.exec(key)?.[1];
  return pid !== undefined && !isAlive(Number(pid)) && unlinkIfPresent(join(root, key));
}

/**
 * A process of another user is alive as well. One that has ended and that nobody has waited for is not: in a container whose first
 * process waits for nobody it stays for ever.
 */
function isAlive(pid: number): boolean {
  try {
    return processState(pid) !== undefined;
  } catch {
    return true;
  }
}

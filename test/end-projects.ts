/** Ends the vdir_d processes of a home that a test is about to remove: killed, so that nothing writes into it any more. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { killNamed } from "../src/platform/process-state.js";
import { PROJECT_PROCESS } from "../src/daemon/project-process.js";
import { ownerOf } from "../src/workspace/owner-lock.js";

/** @param homeRoot may be missing. Resolves with the process ids. */
export async function endProjects(homeRoot: string): Promise<number[]> {
  const pids = projectOwners(homeRoot);
  await Promise.all(pids.map((pid) => killNamed(pid, PROJECT_PROCESS)));
  return pids;
}

/** Process ids of the vdir_d processes of a home. */
export function projectOwners(homeRoot: string): number[] {
  const run = join(homeRoot, "run");
  let names: string[];
  try {
    names = readdirSync(run);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    if (!/^[0-9a-f]{32}$/.test(name)) return [];
    return ownerOf(join(run, name, "vdir_d.lock")) ?? [];
  });
}

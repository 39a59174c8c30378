/**
 * Before a sweep: each open project of the home is asked to rewrite its roots (docs/store.md, "Roots"), so that the sweep frees
 * what entries have let go. One that does not answer in time keeps the list it has, which names more, never less.
 */
import { setTimeout as wait } from "node:timers/promises";
import { connectProjectControl } from "../client/control-client.js";
import { VriftError } from "../platform/errors.js";
import type { Log } from "../platform/log.js";
import type { Home } from "../platform/paths.js";
import { workspacePaths } from "../platform/paths.js";
import { knownWorkspaces } from "../workspace/known.js";
import { ownerOf } from "../workspace/owner-lock.js";

/** A million entries take about four seconds. */
const PATIENCE_MS = 10_000;

/** Never rejects. */
export async function tidyProjects(home: Home, log: Log, patienceMs = PATIENCE_MS): Promise<void> {
  const open = knownWorkspaces(home).filter(({ id }) => ownerOf(workspacePaths(home, id).lock) !== undefined);
  await Promise.all(
    open.map(async ({ id, root }) => {
      try {
        await tidyProject(workspacePaths(home, id).control, patienceMs);
      } catch (error) {
        log.warn("a project's roots are swept with as they are", { root, id, reason: String(error) });
      }
    }),
  );
}

async function tidyProject(control: string, patienceMs: number): Promise<void> {
  const line = await connectProjectControl(control);
  const over = new AbortController();
  const late = async (): Promise<never> => {
    await wait(patienceMs, undefined, { signal: over.signal });
    throw new VriftError("ETIMEDOUT", "the project does not answer in time");
  };
  try {
    await Promise.race([line.call("tidyRoots", {}), late()]);
  } finally {
    over.abort();
    line.close();
  }
}

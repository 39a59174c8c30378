import { knownWorkspaces as recordedWorkspaces } from "../workspace/known.js";
import type { ProjectStatus } from "../daemon/control.js";
import type { Context } from "./command.js";
import { daemonStatus } from "./daemon-status.js";

/** Every workspace of the home: as the daemon says, or as it was last written down when none is running. */
export async function knownWorkspaces({ home }: Context): Promise<readonly ProjectStatus[]> {
  return (await daemonStatus(home))?.workspaces ?? recordedWorkspaces(home);
}

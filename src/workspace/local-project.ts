/** A project owned by this process: what a vdir_d is, and what a command is that works without any. */
import { VriftError } from "../platform/errors.js";
import type { Log } from "../platform/log.js";
import type { Home } from "../platform/paths.js";
import { workspacePaths } from "../platform/paths.js";
import type { ContentStore } from "../store/store.js";
import type { CommitSettings } from "./committer.js";
import { openWorkspace } from "./open-workspace.js";
import { takeOwnerLock } from "./owner-lock.js";
import type { Quota } from "./quota.js";
import type { ProjectWorkspace } from "./project-workspace.js";
import type { ProjectOpener } from "./registry.js";

export interface LocalOptions {
  readonly home: Home;
  readonly store: ContentStore;
  readonly log: Log;
  /** Whether the tree is watched. Default: no, as for a process that ends soon. */
  readonly watch?: boolean;
  /** As in OpenOptions. */
  readonly commit?: CommitSettings;
  readonly settleMs?: number;
  readonly quota?: Quota;
}

/** EBUSY when another process owns the project. */
export function localProjects(options: LocalOptions): ProjectOpener<ProjectWorkspace> {
  return async (place) => {
    const lock = takeOwnerLock(workspacePaths(options.home, place.id).lock);
    if (lock === undefined) throw new VriftError("EBUSY", `another process owns the workspace ${place.root}`);
    const workspace = await openWorkspace({ ...options, ...place, lock });
    try {
      await workspace.ready;
      return workspace;
    } catch (error) {
      await workspace.close().catch((closing: unknown) => options.log.error("closing failed", closing));
      throw error;
    }
  };
}

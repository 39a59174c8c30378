/**
 * WorkspaceAccess without vriftd: this process becomes the owner of manifests and indexes for as long as it takes, under the lock
 * that makes a process the daemon of its home. A project whose own process lives is asked by that one's control socket. For `vrift solid`
 * when no daemon can start, and for tests.
 */
import { setTimeout as wait } from "node:timers/promises";
import { VriftError } from "../platform/errors.js";
import { recordSource } from "../platform/home-source.js";
import type { Log } from "../platform/log.js";
import type { Home } from "../platform/paths.js";
import { workspacePaths } from "../platform/paths.js";
import type { ContentStore } from "../store/store.js";
import { localProjects } from "../workspace/local-project.js";
import { takeOwnerLock } from "../workspace/owner-lock.js";
import type { ProjectWorkspace } from "../workspace/project-workspace.js";
import type { ProjectOpener, ProjectPlace } from "../workspace/registry.js";
import { Registry } from "../workspace/registry.js";
import type { AdoptEntry } from "../workspace/workspace.js";
import type { WorkspaceAccess } from "./access.js";
import { AttachedProject } from "./attached-project.js";
import type { TreeProject } from "./tree-project.js";

/** A process that is just ending is neither there nor gone. */
const ENDING_MS = 10_000;
const POLL_MS = 20;

/** EBUSY when a daemon (or another such command) has the home. The caller keeps the store and closes it afterwards. */
export function openLocalAccess(home: Home, store: ContentStore, log: Log): WorkspaceAccess {
  const lock = takeOwnerLock(home.daemonLock);
  if (!lock) throw new VriftError("EBUSY", `another process is the daemon of ${home.root}`);
  recordSource(home);
  const attached: AttachedProject[] = [];
  const own = localProjects({ home, store, log });
  const open: ProjectOpener<TreeProject> = async (place) => {
    const project = await ownOrAttach(home, place, own);
    if (project instanceof AttachedProject) attached.push(project);
    return project;
  };
  const registry = new Registry(home, store, log, open);
  return {
    open: async (root, options) => (await registry.open(root, options?.phantom)).info,
    adopt: async (root, entries, as) => (await (await registry.open(root)).adopt(entries, as)).refused,
    entries: async (root, after, limit) => (await registry.open(root)).entries(after, limit),
    sync: async (root) => (await registry.open(root)).sync(),
    commit: async (root, also) => (await registry.open(root)).commit(also),
    clone: async (src, dst) => (await registry.clone(src, dst)).info,
    solidify: (root) => registry.solidify(root),
    close: async () => {
      // They go on.
      for (const project of attached) project.release();
      await registry.close();
      lock.release();
    },
  };
}

async function ownOrAttach(
  home: Home,
  place: ProjectPlace,
  own: ProjectOpener<ProjectWorkspace>,
): Promise<TreeProject> {
  for (const deadline = Date.now() + ENDING_MS; ; await wait(POLL_MS)) {
    try {
      return inThisProcess(await own(place));
    } catch (error) {
      if (!hasCode(error, "EBUSY") || Date.now() > deadline) throw error;
    }
    try {
      return await AttachedProject.open(workspacePaths(home, place.id));
    } catch (error) {
      if (!hasCode(error, "ECONNREFUSED", "ECONNRESET")) throw error;
    }
  }
}

function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof VriftError && codes.includes(error.code);
}

function inThisProcess(workspace: ProjectWorkspace): TreeProject {
  return {
    get info() {
      return workspace.info;
    },
    get isOpen() {
      return workspace.isOpen;
    },
    resync: () => workspace.resync(),
    commit: (also) => workspace.commit(also),
    found: (to) => workspace.found(to),
    readyToSolidify: () => workspace.readyToSolidify(),
    close: () => workspace.close(),
    adopt: (entries, as) => workspace.adopt(entries, as),
    entries: async (after, limit) => take(workspace.virtualEntries(after), limit),
    sync: async () => {
      const report = await workspace.resync();
      await workspace.sync();
      return report;
    },
  };
}

function take(entries: Iterable<AdoptEntry>, limit: number): AdoptEntry[] {
  const page: AdoptEntry[] = [];
  for (const entry of entries) {
    page.push(entry);
    if (page.length >= limit) break;
  }
  return page;
}

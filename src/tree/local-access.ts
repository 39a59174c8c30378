/**
 * WorkspaceAccess without a daemon: this process becomes the owner of manifests and indexes for as long as it takes, under
 * the lock that makes a process the daemon of its home. For `vrift solid` when no daemon can start, and for tests.
 */
import { VriftError } from "../platform/errors.js";
import { recordSource } from "../platform/home-source.js";
import type { Log } from "../platform/log.js";
import type { Home } from "../platform/paths.js";
import type { ContentStore } from "../store/store.js";
import { localProjects } from "../workspace/local-project.js";
import { takeOwnerLock } from "../workspace/owner-lock.js";
import { Registry } from "../workspace/registry.js";
import type { AdoptEntry } from "../workspace/workspace.js";
import type { WorkspaceAccess } from "./access.js";

/** EBUSY when a daemon (or another such command) has the home. The caller keeps the store and closes it afterwards. */
export function openLocalAccess(home: Home, store: ContentStore, log: Log): WorkspaceAccess {
  const lock = takeOwnerLock(home.daemonLock);
  if (!lock) throw new VriftError("EBUSY", `another process is the daemon of ${home.root}`);
  recordSource(home);
  const registry = new Registry(home, store, log, localProjects({ home, store, log }));
  return {
    open: async (root, options) => (await registry.open(root, options?.phantom)).info,
    adopt: async (root, entries, as) => (await (await registry.open(root)).adopt(entries, as)).refused,
    entries: async (root, after, limit) => take((await registry.open(root)).virtualEntries(after), limit),
    sync: async (root) => {
      const workspace = await registry.open(root);
      const report = await workspace.resync();
      await workspace.sync();
      return report;
    },
    clone: async (src, dst) => (await registry.clone(src, dst)).info,
    solidify: (root) => registry.solidify(root),
    close: async () => {
      await registry.close();
      lock.release();
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

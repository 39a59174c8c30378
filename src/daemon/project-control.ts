/** vdir_d's control socket (control.ts). */
import { VriftError } from "../platform/errors.js";
import type { ProjectWorkspace } from "../workspace/project-workspace.js";
import type { AdoptEntry } from "../workspace/workspace.js";
import type { Protocol } from "./connection.js";
import type { ProjectOperations, RunningProcess, TraceOperation } from "./control.js";
import { lineProtocol, text } from "./line-protocol.js";

export interface ProjectService {
  /** Rejects when the workspace cannot be opened. */
  readonly workspace: Promise<ProjectWorkspace>;
  /** undefined while it is being opened. */
  openWorkspace(): ProjectWorkspace | undefined;
  process(): RunningProcess;
  /** Somebody needs the project now. */
  used(): void;
  /** Somebody needs it until the work is done. */
  during<T>(work: Promise<T>): Promise<T>;
  trace(request: TraceOperation["request"]): Promise<TraceOperation["reply"]>;
  exportTo(path: string | null): Promise<void>;
  handOver(): Promise<void>;
  retire(): Promise<boolean>;
  /** Begins to stop; the answer is still sent. */
  stop(): void;
}

/** A page of entries is cut here, well under the line limit. */
const PAGE_BYTES = 4 * 1024 * 1024;

export function projectControlProtocol(service: ProjectService): Protocol<string> {
  const inUse = <T>(work: (workspace: ProjectWorkspace) => T | Promise<T>): Promise<T> =>
    service.during(service.workspace.then(work));
  return lineProtocol<ProjectOperations>({
    info: async () => ({ workspace: (await service.workspace).info, process: service.process() }),
    ping: async ({ used }) => {
      if (used === true) service.used();
      const workspace = service.openWorkspace();
      return { ...(workspace ? { workspace: workspace.info } : {}), process: service.process() };
    },
    adopt: async ({ entries, as }) => {
      if (as !== "virtual" && as !== "backed")
        throw new VriftError("EINVAL", "as is neither virtual nor backed");
      if (!Array.isArray(entries)) throw new VriftError("EINVAL", "entries is not a list");
      return inUse((workspace) => workspace.adopt(entries.map(adoptEntry), as));
    },
    entries: async ({ after, limit }) => {
      if (!Number.isInteger(limit) || limit < 1)
        throw new VriftError("EINVAL", "limit is not a count above 0");
      return { entries: await inUse((workspace) => page(workspace, text(after, "after"), limit)) };
    },
    sync: ({ durable }) =>
      inUse(async (workspace) => {
        const report = await workspace.resync();
        if (durable) await workspace.sync();
        return { report };
      }),
    commit: async ({ dehydrate }) => ({
      report: await inUse((workspace) => workspace.commit({ dehydrate: dehydrate === true })),
    }),
    drain: async () => {
      await inUse((workspace) => workspace.drain());
      return {};
    },
    settle: () =>
      inUse(async (workspace) => ({ report: await workspace.settled(), workspace: workspace.info })),
    found: async ({ to }) => ({ id: await inUse((workspace) => workspace.found(text(to, "to"))) }),
    tidyRoots: async () => {
      await inUse((workspace) => workspace.tidyRoots());
      return {};
    },
    readyToSolidify: async () => ({ report: await inUse((workspace) => workspace.readyToSolidify()) }),
    trace: (request) => service.trace(request),
    export: async ({ path }) => {
      await service.exportTo(path === null ? null : text(path, "path"));
      return {};
    },
    handOver: async () => {
      await service.handOver();
      return {};
    },
    retire: async () => ({ retired: await service.retire() }),
    stop: async () => {
      service.stop();
      return {};
    },
  });
}

function adoptEntry(value: unknown): AdoptEntry {
  if (typeof value !== "object" || value === null)
    throw new VriftError("EINVAL", "an entry is not an object");
  const { path, hash, size, mtimeNs, mode, blocks } = value as Record<string, unknown>;
  if (typeof mode !== "number" || typeof blocks !== "number")
    throw new VriftError("EINVAL", "mode and blocks of an entry are numbers");
  return {
    path: text(path, "path"),
    hash: text(hash, "hash"),
    size: text(size, "size"),
    mtimeNs: text(mtimeNs, "mtimeNs"),
    mode,
    blocks,
  };
}

function page(workspace: ProjectWorkspace, after: string, limit: number): AdoptEntry[] {
  const entries: AdoptEntry[] = [];
  let bytes = 0;
  for (const entry of workspace.virtualEntries(after)) {
    entries.push(entry);
    // Names may hold characters that JSON writes with six.
    bytes += 256 + entry.path.length * 6;
    if (entries.length >= limit || bytes >= PAGE_BYTES) break;
  }
  return entries;
}

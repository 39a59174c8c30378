/**
 * The answer to each request of the specification (DESIGN section 3) but RegisterWorkspace, which is about the connection
 * (session.ts, front-session.ts). Nothing here knows of frames or sockets.
 */
import { lstatSync, realpathSync } from "node:fs";
import { isAbsolute } from "node:path";
import { VriftError, toVriftError } from "../platform/errors.js";
import { pathToKey } from "../protocol/key.js";
import type { ReplyTo, Request, VeloRequest, VeloResponse } from "../protocol/messages.js";
import type { RequestName } from "../protocol/schema.js";
import { readSweepFilter } from "../protocol/sweep-filter.js";
import { PROTOCOL_VERSION, checkVersion } from "../protocol/version.js";
import type { ContentStore, Lease } from "../store/store.js";
import type { Workspace } from "../workspace/workspace.js";
import type { Children } from "./children.js";
import type { FlockOwner } from "./flock-table.js";
import type { Protections } from "./protections.js";

/** What the daemon is to its sessions. */
export interface Service {
  readonly store: ContentStore;
  readonly children: Children;
  readonly protections: Protections;
  /** First word `ready`, then facts a person can read. */
  statusText(): string | Promise<string>;
  /** Before a sweep. Never rejects. */
  tidyRoots(): Promise<void>;
}

/** What one connection has come to. */
export interface SessionState {
  /** Of the peer's process. */
  readonly uid: number;
  /** Of the project whose process this is. */
  readonly workspace: Workspace | undefined;
  /** Protects what CasInsert has claimed until an entry names it or the connection ends. */
  lease: Lease | undefined;
  /** Locks of the connection, where the project is served. */
  readonly flocks?: FlockOwner;
  /** Root of the workspace that the connection is bound to. */
  readonly root?: string | undefined;
}

type Handler<N extends RequestName> = (
  request: Request<N>,
  session: SessionState,
  service: Service,
) => Promise<ReplyTo<N>>;

const handlers: { readonly [N in Exclude<RequestName, "RegisterWorkspace">]: Handler<N> } = {
  Handshake: async ({ client_version }) => {
    checkVersion(client_version);
    return { type: "HandshakeAck", server_version: PROTOCOL_VERSION };
  },

  Status: async (_request, _session, service) => ({
    type: "StatusAck",
    status: await service.statusText(),
  }),

  ManifestGet: async ({ path }, session) => ({
    type: "ManifestAck",
    entry: await bound(session).get(path),
  }),

  ManifestUpsert: async ({ path, entry }, session) => ({
    type: "ManifestAck",
    entry: await bound(session).upsert(path, entry),
  }),

  ManifestRemove: async ({ path }, session) => ({
    type: "ManifestAck",
    entry: await bound(session).remove(path),
  }),

  ManifestRename: async ({ old_path, new_path }, session) => ({
    type: "ManifestAck",
    entry: await bound(session).rename(old_path, new_path),
  }),

  ManifestUpdateMtime: async ({ path, mtime_ns }, session) => ({
    type: "ManifestAck",
    entry: await bound(session).updateMtime(path, mtime_ns),
  }),

  ManifestReingest: async ({ vpath, temp_path }, session) => ({
    type: "ManifestAck",
    entry: await bound(session).reingest(vpath, temp_path, session.uid),
  }),

  ManifestListDir: async ({ path }, session) => ({
    type: "ManifestListAck",
    entries: await bound(session).list(path),
  }),

  CasInsert: async ({ hash, size }, session, service) => {
    session.lease ??= service.store.lease();
    session.lease.add(hash);
    await service.store.verifyBlob({ hash, size });
    return { type: "CasAck" };
  },

  CasGet: async ({ hash }, _session, service) => {
    const found = service.store.findBlob(hash);
    return found === undefined || !(await service.store.isSound(found))
      ? { type: "CasNotFound" }
      : { type: "CasFound", size: found.size };
  },

  CasSweep: async ({ bloom_filter }, session, service) => {
    assertOwnsStore(service.store, session.uid);
    await service.tidyRoots();
    const { deletedCount, reclaimedBytes } = await service.store.sweep(readSweepFilter(bloom_filter));
    return { type: "CasSweepAck", deleted_count: deletedCount, reclaimed_bytes: reclaimedBytes };
  },

  FlockAcquire: async ({ path, operation }, session) => {
    await session.flocks?.acquire(keyIn(session, path), operation);
    return { type: "FlockAck" };
  },

  FlockRelease: async ({ path }, session) => {
    session.flocks?.release(keyIn(session, path));
    return { type: "FlockAck" };
  },

  Spawn: async (request, session, service) => ({
    type: "SpawnAck",
    pid: await service.children.spawn(request, session.uid),
  }),

  Protect: async (request, session, service) => {
    service.protections.protect(request, session.uid, session.root);
    return { type: "ProtectAck" };
  },
};

/** Never rejects: what goes wrong is the answer. */
export async function answer(
  request: VeloRequest,
  session: SessionState,
  service: Service,
): Promise<VeloResponse> {
  try {
    // The table pairs each name with its handler; TypeScript cannot follow the name through the union.
    const handler = (handlers as Readonly<Record<string, unknown>>)[request.type] as
      Handler<RequestName> | undefined;
    if (handler === undefined) throw new VriftError("ENOSYS", `${request.type} is not served here`);
    return await handler(request, session, service);
  } catch (error) {
    return errorResponse(error);
  }
}

export function errorResponse(error: unknown): VeloResponse {
  return { type: "Error", message: toVriftError(error).toWire() };
}

function bound({ workspace }: SessionState): Workspace {
  if (workspace === undefined)
    throw new VriftError("EINVAL", "the connection has no workspace; send RegisterWorkspace first");
  return workspace;
}

function keyIn(session: SessionState, path: string): string {
  return pathToKey(bound(session).info.root, path);
}

/** Workspaces of others may need what the sweep takes away: not even root sweeps a store that is not its own. */
function assertOwnsStore({ path }: ContentStore, uid: number): void {
  const owner = lstatSync(path).uid;
  if (uid !== owner)
    throw new VriftError("EACCES", `the store ${path} belongs to uid ${owner}, not to ${uid}`);
}

/** Root may register any directory, others their own. */
export function assertMayRegister(path: string, uid: number): void {
  if (!isAbsolute(path) || path.includes("\0"))
    throw new VriftError(
      "EINVAL",
      `project_root ${JSON.stringify(path.slice(0, 200))} is not an absolute path`,
    );
  const owner = lstatSync(realpathSync.native(path)).uid;
  if (uid !== 0 && owner !== uid)
    throw new VriftError("EACCES", `${path} belongs to uid ${owner}, not to ${uid}`);
}

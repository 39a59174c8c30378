/** What vriftd answers to each request of the specification (DESIGN section 3). Nothing here knows of frames or sockets. */
import { lstatSync, realpathSync } from "node:fs";
import { isAbsolute } from "node:path";
import { VriftError, toVriftError } from "../platform/errors.js";
import type { ReplyTo, Request, VeloRequest, VeloResponse } from "../protocol/messages.js";
import type { RequestName } from "../protocol/schema.js";
import { PROTOCOL_VERSION, checkVersion } from "../protocol/version.js";
import type { ContentStore, Lease } from "../store/store.js";
import type { Workspace } from "../workspace/workspace.js";

/** What the daemon is to its sessions. */
export interface Service {
  readonly store: ContentStore;
  openWorkspace(root: string): Promise<Workspace>;
  /** First word `ready`, then facts a person can read. */
  statusText(): string;
}

/** What one connection has come to. */
export interface SessionState {
  /** Of the peer's process. */
  readonly uid: number;
  workspace: Workspace | undefined;
  /** Protects what CasInsert has claimed until an entry names it or the connection ends. */
  lease: Lease | undefined;
}

type Handler<N extends RequestName> = (
  request: Request<N>,
  session: SessionState,
  service: Service,
) => Promise<ReplyTo<N>>;

const handlers: { readonly [N in RequestName]?: Handler<N> } = {
  Handshake: async ({ client_version }) => {
    checkVersion(client_version);
    return { type: "HandshakeAck", server_version: PROTOCOL_VERSION };
  },

  Status: async (_request, _session, service) => ({ type: "StatusAck", status: service.statusText() }),

  RegisterWorkspace: async ({ project_root }, session, service) => {
    assertMayRegister(project_root, session.uid);
    session.workspace = await service.openWorkspace(project_root);
    return { type: "RegisterAck", workspace_id: session.workspace.info.id };
  },

  ManifestGet: async ({ path }, session, service) => ({
    type: "ManifestAck",
    entry: await (await bound(session, service)).get(path),
  }),

  ManifestUpsert: async ({ path, entry }, session, service) => ({
    type: "ManifestAck",
    entry: await (await bound(session, service)).upsert(path, entry),
  }),

  ManifestRemove: async ({ path }, session, service) => ({
    type: "ManifestAck",
    entry: await (await bound(session, service)).remove(path),
  }),

  ManifestRename: async ({ old_path, new_path }, session, service) => ({
    type: "ManifestAck",
    entry: await (await bound(session, service)).rename(old_path, new_path),
  }),

  ManifestUpdateMtime: async ({ path, mtime_ns }, session, service) => ({
    type: "ManifestAck",
    entry: await (await bound(session, service)).updateMtime(path, mtime_ns),
  }),

  ManifestReingest: async ({ vpath, temp_path }, session, service) => ({
    type: "ManifestAck",
    entry: await (await bound(session, service)).reingest(vpath, temp_path, session.uid),
  }),

  ManifestListDir: async ({ path }, session, service) => ({
    type: "ManifestListAck",
    entries: await (await bound(session, service)).list(path),
  }),

  CasInsert: async ({ hash, size }, session, service) => {
    session.lease ??= service.store.lease();
    session.lease.add(hash);
    await service.store.verifyBlob({ hash, size });
    return { type: "CasAck" };
  },

  CasGet: async ({ hash }, _session, service) => {
    const found = service.store.findBlob(hash);
    return found === undefined ? { type: "CasNotFound" } : { type: "CasFound", size: found.size };
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
    const handler = handlers[request.type] as Handler<RequestName> | undefined;
    if (handler === undefined)
      throw new VriftError("ENOSYS", `${request.type} is not served by this release`);
    return await handler(request, session, service);
  } catch (error) {
    return errorResponse(error);
  }
}

export function errorResponse(error: unknown): VeloResponse {
  return { type: "Error", message: toVriftError(error).toWire() };
}

/** What the connection registered, opened again when it became phantom or solid meanwhile. */
async function bound(session: SessionState, service: Service): Promise<Workspace> {
  if (session.workspace === undefined)
    throw new VriftError("EINVAL", "the connection has no workspace; send RegisterWorkspace first");
  if (!session.workspace.isOpen) session.workspace = await service.openWorkspace(session.workspace.info.root);
  return session.workspace;
}

/** Root may register any directory, others their own. */
function assertMayRegister(path: string, uid: number): void {
  if (!isAbsolute(path) || path.includes("\0"))
    throw new VriftError(
      "EINVAL",
      `project_root ${JSON.stringify(path.slice(0, 200))} is not an absolute path`,
    );
  const owner = lstatSync(realpathSync.native(path)).uid;
  if (uid !== 0 && owner !== uid)
    throw new VriftError("EACCES", `${path} belongs to uid ${owner}, not to ${uid}`);
}

import { resolveHome } from "../platform/paths.js";
import type { DirEntry, ReplyTo, VeloRequest, VnodeEntry } from "../protocol/messages.js";
import type { Binding } from "./binding.js";
import { socketEndpoint } from "./endpoint.js";
import type { Endpoint } from "./endpoint.js";
import type { OnEvent } from "./events.js";
import type { OpenOptions } from "./open-socket.js";
import { Pipeline, tell } from "./pipeline.js";
import { realAnswer } from "./real-answer.js";
import type { RequestOptions } from "./settle.js";

export interface ClientOptions extends OpenOptions {
  /** Milliseconds for each request that has no `timeoutMs` of its own; none by default, as specified. */
  readonly requestTimeoutMs?: number;
  /**
   * What happens to a request when no daemon can be reached. `throw`, the default: it is rejected. `real-fs`: register, get
   * and list are answered from the files of the registered root (an event tells it); all others are rejected.
   */
  readonly onUnavailable?: "throw" | "real-fs";
  /** Called in a turn of its own. */
  readonly onEvent?: OnEvent;
}

export interface ConnectOptions extends ClientOptions {
  /** The daemon's socket; by default that of the home (VRIFT_HOME, VRIFT_SOCKET). */
  readonly socketPath?: string;
}

/**
 * A client of vriftd. Nothing happens before the first request. Requests may be made without waiting for earlier ones:
 * they are sent and answered in order, a bounded number at a time. When the connection breaks, the next request connects
 * again, bound to the same workspace; reads that were not answered are sent again, and so is what was certainly not sent;
 * everything else is rejected with ECONNRESET, for it may or may not have been done. Locks belong to a connection and end
 * with it.
 */
export function connect(options: ConnectOptions = {}): VriftClient {
  return new VriftClient(socketEndpoint(options.socketPath ?? resolveHome().daemonSocket), options);
}

/** Made by `connect` or `connectProject`. */
export class VriftClient {
  readonly #pipeline: Pipeline;
  readonly #timeoutMs: number | undefined;

  /** @param initial what the endpoint's connections are bound to from the start. */
  constructor(endpoint: Endpoint, options: ClientOptions, initial?: Binding) {
    const { onEvent, onUnavailable, requestTimeoutMs } = options;
    this.#timeoutMs = requestTimeoutMs;
    const fallback =
      onUnavailable === "real-fs"
        ? realAnswer((root, request, path, error) =>
            tell(onEvent, { type: "fallback", request, root, path, error }),
          )
        : undefined;
    this.#pipeline = new Pipeline(endpoint, { ...options, ...(fallback && { fallback }) }, initial);
  }

  /**
   * Sends a request; resolves with what the specification answers it with.
   * @throws VriftError with the code of the daemon's `Error`; of connecting (ECONNREFUSED, ETIMEDOUT, EPERM, ENAMETOOLONG,
   *   EPROTO when the versions do not match); ECONNRESET when the connection broke; ETIMEDOUT at its own deadline; EINVAL, EMSGSIZE
   *   for a request that cannot be sent; EBADMSG, EPROTO for a reply that cannot be understood. The reason of an aborted signal.
   */
  async request<M extends VeloRequest>(
    message: M,
    options: RequestOptions = {},
  ): Promise<ReplyTo<M["type"]>> {
    const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
    const all = timeoutMs === undefined ? options : { ...options, timeoutMs };
    return (await this.#pipeline.submit(message, all)) as unknown as ReplyTo<M["type"]>;
  }

  /** Requests that are under way, their bytes, and how many wait for room (`src/platform/limits.ts`). */
  get pending(): { readonly requests: number; readonly bytes: number; readonly waiting: number } {
    return this.#pipeline.state;
  }

  /** A text that starts with `ready`. */
  async status(options?: RequestOptions): Promise<string> {
    return (await this.request({ type: "Status" }, options)).status;
  }

  /** Opens the workspace of a directory and binds this client to it. Resolves with its id. */
  async register(projectRoot: string, options?: RequestOptions): Promise<string> {
    const message = { type: "RegisterWorkspace", project_root: projectRoot } as const;
    return (await this.request(message, options)).workspace_id;
  }

  /** null when there is no such entry. */
  async get(path: string, options?: RequestOptions): Promise<VnodeEntry | null> {
    return (await this.request({ type: "ManifestGet", path }, options)).entry;
  }

  /** Sorted by name. */
  async list(path: string, options?: RequestOptions): Promise<readonly DirEntry[]> {
    return (await this.request({ type: "ManifestListDir", path }, options)).entries;
  }

  /** The resulting entry. A file's content must be in the store. */
  async upsert(path: string, entry: VnodeEntry, options?: RequestOptions): Promise<VnodeEntry | null> {
    return (await this.request({ type: "ManifestUpsert", path, entry }, options)).entry;
  }

  /** A directory only when it is empty; what is absent is removed already. */
  async remove(path: string, options?: RequestOptions): Promise<void> {
    await this.request({ type: "ManifestRemove", path }, options);
  }

  /** As rename(2), whole subtrees at once. The entry under its new name. */
  async rename(oldPath: string, newPath: string, options?: RequestOptions): Promise<VnodeEntry | null> {
    const message = { type: "ManifestRename", old_path: oldPath, new_path: newPath } as const;
    return (await this.request(message, options)).entry;
  }

  /** @param mtimeNs nanoseconds since 1970. */
  async updateMtime(path: string, mtimeNs: bigint, options?: RequestOptions): Promise<VnodeEntry | null> {
    return (await this.request({ type: "ManifestUpdateMtime", path, mtime_ns: mtimeNs }, options)).entry;
  }

  /** Takes a file as the new content of a path; it is consumed on success only. The resulting entry. */
  async reingest(vpath: string, tempPath: string, options?: RequestOptions): Promise<VnodeEntry | null> {
    const message = { type: "ManifestReingest", vpath, temp_path: tempPath } as const;
    return (await this.request(message, options)).entry;
  }

  /** Claims that the store has a blob; the daemon verifies it. */
  async casInsert(hash: Uint8Array, size: bigint, options?: RequestOptions): Promise<void> {
    await this.request({ type: "CasInsert", hash, size }, options);
  }

  /** Size of a blob, or null when the store does not have it. */
  async casSize(hash: Uint8Array, options?: RequestOptions): Promise<bigint | null> {
    const reply = await this.request({ type: "CasGet", hash }, options);
    return reply.type === "CasFound" ? reply.size : null;
  }

  /** Deletes blobs that neither the filter nor any root or lease names. @param filter of the hashes that the caller needs. */
  async casSweep(
    filter: Uint8Array,
    options?: RequestOptions,
  ): Promise<{ readonly deletedCount: number; readonly reclaimedBytes: bigint }> {
    const reply = await this.request({ type: "CasSweep", bloom_filter: filter }, options);
    return { deletedCount: reply.deleted_count, reclaimedBytes: reply.reclaimed_bytes };
  }

  /**
   * @param operation flock(2)'s: LOCK_SH 1, LOCK_EX 2, LOCK_NB 4 besides. While it waits for the lock nothing behind it on this
   *   client is answered: who may wait uses a client for it alone, and ends the waiting with `close`. After an abort the
   *   lock may be granted all the same.
   */
  async flockAcquire(path: string, operation: number, options?: RequestOptions): Promise<void> {
    await this.request({ type: "FlockAcquire", path, operation }, options);
  }

  async flockRelease(path: string, options?: RequestOptions): Promise<void> {
    await this.request({ type: "FlockRelease", path }, options);
  }

  /** Starts a program without a shell; PATH is that of `env`. The process id. */
  async spawn(
    command: readonly string[],
    env: Readonly<Record<string, string>>,
    cwd: string,
    options?: RequestOptions,
  ): Promise<number> {
    const message = { type: "Spawn", command, env: Object.entries(env), cwd } as const;
    return (await this.request(message, options)).pid;
  }

  /** @param owner a user's name, or null to leave it. */
  async protect(
    path: string,
    immutable: boolean,
    owner: string | null = null,
    options?: RequestOptions,
  ): Promise<void> {
    await this.request({ type: "Protect", path, immutable, owner }, options);
  }

  /** Ends the connection for good; what waits for an answer, or for a connection, is rejected with ECONNRESET. */
  close(): void {
    this.#pipeline.close();
  }
}

import { lstat, realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { VriftError, toVriftError } from "../platform/errors.js";
import { CONNECT_TIMEOUT_MS, SUCCESSION_MS } from "../platform/limits.js";
import { resolveHome, workspacePaths } from "../platform/paths.js";
import type { Home } from "../platform/paths.js";
import { readWorkspaceFile } from "../platform/workspace-id.js";
import { VriftClient } from "./client.js";
import type { ClientOptions } from "./client.js";
import { converse } from "./converse.js";
import type { Connection, Endpoint } from "./endpoint.js";
import type { Exchange } from "./exchange.js";
import { greet } from "./greet.js";
import type { GreetOptions } from "./greet.js";
import { isAbsent } from "./open-socket.js";
import { startProjectProcess } from "./start-project.js";
import { UnansweredError } from "./unanswered.js";

/**
 * Starts the process of a project when vriftd is gone, and resolves when it listens.
 * @param root real path. @param id of the workspace.
 */
export type StartProject = (root: string, id: string) => Promise<void>;

export interface ProjectOptions extends ClientOptions {
  /** Names the home, as for `vrift` itself; by default this process's. */
  readonly env?: NodeJS.ProcessEnv;
  /** By default the project's process is started; `false`: a project that is not open is ECONNREFUSED while vriftd is gone. */
  readonly startProject?: StartProject | false;
}

/** Milliseconds until both sockets are tried again, while nobody is there and that is to be waited for. */
const RETRY_MS = 20;

/**
 * A client of one project, on the project's own socket: bound to it from the start, and served while vriftd is away. When
 * nobody listens there, vriftd is asked to open the project; without vriftd the project's process is started. Where vriftd serves the
 * project itself, the client stays with it. Everything else is as with `connect`.
 * @param root a directory; made absolute now, looked at when it connects.
 */
export function connectProject(root: string, options: ProjectOptions = {}): VriftClient {
  const absolute = resolve(root);
  const home = resolveHome(options.env);
  const start: StartProject = (realRoot, id) =>
    startProjectProcess(home, options.env ?? process.env, realRoot, id, options.signal);
  const { startProject = start } = options;
  const endpoint = projectEndpoint(absolute, home, startProject === false ? undefined : startProject);
  const request = { type: "RegisterWorkspace", project_root: absolute } as const;
  return new VriftClient(endpoint, options, { request, state: "made" });
}

function projectEndpoint(given: string, home: Home, startProject: StartProject | undefined): Endpoint {
  return {
    open: async (options) => {
      const { root, id, isCopy } = await lookAt(given);
      const deadline = performance.now() + (options.timeoutMs ?? CONNECT_TIMEOUT_MS);
      const absentUntil = Math.min(options.absentUntil, deadline);
      const now = { ...options, absentUntil: 0 };
      for (;;) {
        const own = isCopy ? undefined : await onSocket(workspacePaths(home, id).socket, now);
        if (own !== undefined) return own;
        try {
          return await throughDaemon(home, root, now);
        } catch (error) {
          if (!isGone(error)) throw error;
          if (isCopy)
            throw new VriftError(
              "VRIFT_NO_DAEMON",
              `${root} was copied or moved, which only vriftd can sort out`,
              {
                cause: error,
              },
            );
          if (startProject !== undefined) {
            await abortable(startProject(root, id), options.signal);
            const path = workspacePaths(home, id).socket;
            const soon = { ...options, absentUntil: performance.now() + SUCCESSION_MS };
            return { exchange: await greet(path, soon), path, bound: true };
          }
          if (performance.now() >= absentUntil) throw error;
        }
        await wait(RETRY_MS, undefined, { signal: options.signal });
      }
    },
  };
}

/** `isCopy`: the id is that of the directory it was copied from (or moved, to another disk), whose process is another project's. */
async function lookAt(given: string): Promise<{ root: string; id: string; isCopy: boolean }> {
  try {
    const root = await realpath(given);
    const { realWorkspaceId } = await import("./real-tree.js");
    const id = await realWorkspaceId(root);
    const file = readWorkspaceFile(root);
    const { dev, ino } = await lstat(root, { bigint: true });
    return { root, id, isCopy: file !== undefined && (file.device !== dev || file.inode !== ino) };
  } catch (error) {
    throw toVriftError(error);
  }
}

/** undefined: nobody is there, or it was just leaving. */
async function onSocket(path: string, options: GreetOptions): Promise<Connection | undefined> {
  try {
    return { exchange: await greet(path, options), path, bound: true };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return isAbsent(error) || error instanceof UnansweredError;
}

/** vriftd opens the project and says which it is: a copied one has got an id of its own. */
async function throughDaemon(home: Home, root: string, options: GreetOptions): Promise<Connection> {
  const path = home.daemonSocket;
  let kept = false;
  const onEnd = (error: VriftError): void => {
    if (kept) options.onEnd(error);
  };
  const daemon: Exchange<Buffer> = await greet(path, { ...options, onEnd });
  const giveUp = (): void => daemon.close();
  options.signal?.addEventListener("abort", giveUp, { once: true });
  try {
    const registered = await converse(daemon, { type: "RegisterWorkspace", project_root: root });
    const own = await onSocket(workspacePaths(home, registered.workspace_id).socket, options);
    kept = own === undefined && daemon.usable;
    if (own !== undefined) return own;
    if (!kept) throw new VriftError("ECONNRESET", `the daemon on ${path} went away`);
    return { exchange: daemon, path, bound: true };
  } finally {
    options.signal?.removeEventListener("abort", giveUp);
    if (!kept) daemon.close();
  }
}

async function abortable(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    if (abort !== undefined) signal.removeEventListener("abort", abort);
  }
}

/** Starts a project's process where no vriftd runs that would: the lock decides between two who do it at once. */
import { setTimeout as wait } from "node:timers/promises";
import type { Home } from "../platform/paths.js";
import { workspacePaths } from "../platform/paths.js";
import { spawnProject } from "../platform/spawn-detached.js";
import { isAbsent, openSocket } from "./open-socket.js";

const POLL_MS = 10;

/**
 * Resolves when the project's socket accepts connections: opening a large tree takes its time.
 * @param env of the process. @throws VriftError VRIFT_NO_DAEMON with what it said last; what `signal` says.
 */
export async function startProjectProcess(
  home: Home,
  env: NodeJS.ProcessEnv,
  root: string,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  const { socket } = workspacePaths(home, id);
  const { exit, failure } = spawnProject(home, root, id, env);
  for (;;) {
    const code = exit();
    try {
      (await openSocket(socket, signal ? { signal } : {})).destroy();
      return;
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
    // 0: somebody else was faster, and may still be opening the project.
    if (code !== undefined && code !== 0) throw failure(`the process of ${root} does not start`);
    await wait(POLL_MS, undefined, { signal });
  }
}

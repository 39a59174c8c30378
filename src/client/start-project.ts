/** Starts a project's process where no vriftd runs that would: the lock decides between two who do it at once. */
import type { Home } from "../platform/paths.js";
import { workspacePaths } from "../platform/paths.js";
import { spawnProject } from "../platform/spawn-detached.js";
import { isAbsent, openSocket } from "./open-socket.js";
import { startUntilServed } from "./start-until-served.js";

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
  const { socket, control } = workspacePaths(home, id);
  const options = signal ? { signal } : {};
  const answers = async (path: string): Promise<boolean> => {
    try {
      (await openSocket(path, options)).destroy();
      return true;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  };
  await startUntilServed({
    start: () => spawnProject(home, root, id, env),
    find: async () => (await answers(socket)) || undefined,
    // The control socket is there first.
    isComing: () => answers(control),
    failed: (started) => started.failure(`the process of ${root} does not start`),
    afterKill: true,
    signal,
  });
}

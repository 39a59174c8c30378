import { connectControl } from "../client/control-client.js";
import type { ControlOperations } from "../daemon/control.js";
import { VriftError } from "../platform/errors.js";
import type { Home } from "../platform/paths.js";

/** null when no daemon runs; none is started. */
export async function daemonStatus(home: Home): Promise<ControlOperations["status"]["reply"] | null> {
  let control;
  try {
    control = await connectControl({ socketPath: home.controlSocket });
  } catch (error) {
    if (error instanceof VriftError && error.code === "ECONNREFUSED") return null;
    throw error;
  }
  try {
    const {
      pid,
      version,
      build,
      startedMs,
      home: root,
      sockets,
      connections,
      workspaces,
      rssBytes,
    } = await control.call("status", {});
    return { pid, version, build, startedMs, home: root, sockets, connections, workspaces, rssBytes };
  } finally {
    control.close();
  }
}

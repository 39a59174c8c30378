import { connectControl } from "../client/control-client.js";
import { untilAnswered } from "../client/until-answered.js";
import type { ControlOperations } from "../daemon/control.js";
import { VriftError } from "../platform/errors.js";
import type { Home } from "../platform/paths.js";
import { within } from "./within.js";

/** Asked of a daemon that has nothing to look up for it: longer than that and it is frozen. */
const ANSWER_MS = 5000;

/** null when no daemon runs; none is started. @throws VriftError ETIMEDOUT for one that is frozen. */
export function daemonStatus(home: Home): Promise<ControlOperations["status"]["reply"] | null> {
  return untilAnswered(() => askStatus(home));
}

async function askStatus(home: Home): Promise<ControlOperations["status"]["reply"] | null> {
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
      source,
      sockets,
      connections,
      workspaces,
      rssBytes,
    } = await within(ANSWER_MS, "the daemon's answer", control.call("status", {}));
    return { pid, version, build, startedMs, home: root, source, sockets, connections, workspaces, rssBytes };
  } finally {
    control.close();
  }
}

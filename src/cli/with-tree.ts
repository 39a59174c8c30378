import type { ControlClient } from "../client/control-client.js";
import { silentLog } from "../platform/log.js";
import { VriftError, toVriftError } from "../platform/errors.js";
import { openStore } from "../store/content-store.js";
import type { ContentStore } from "../store/store.js";
import type { WorkspaceAccess } from "../tree/access.js";
import type { TreeContext } from "../tree/context.js";
import { controlAccess } from "../tree/control-access.js";
import type { Context } from "./command.js";
import { connectDaemon } from "./connect-daemon.js";

/** Runs a tree procedure with the store and the daemon or, when none can start, as the owner of the manifests itself. */
export async function withTree<T>(context: Context, work: (tree: TreeContext) => Promise<T>): Promise<T> {
  const { home, progress } = context;
  const store = await openStore(home.source);
  try {
    const access = await openAccess(context, store);
    try {
      return await work({ home, store, access, progress });
    } finally {
      progress.clear();
      await access.close();
    }
  } finally {
    store.close();
  }
}

/** The daemon's lock decides: whoever has it owns the manifests, so this is safe whatever kept the daemon from answering. */
async function openAccess(context: Context, store: ContentStore): Promise<WorkspaceAccess> {
  let client: ControlClient;
  try {
    client = await connectDaemon(context);
  } catch (error) {
    const { code, message } = toVriftError(error);
    const { openLocalAccess } = await import("../tree/local-access.js");
    let access: WorkspaceAccess;
    try {
      access = openLocalAccess(context.home, store, silentLog);
    } catch {
      // Somebody has the lock and does not answer: that is what is wrong.
      throw error;
    }
    context.note(`vrift: ${code}: ${message}; going on without the daemon`);
    return access;
  }
  // Content put into one store while the entries are checked against another would only be reported as missing.
  const { pid, source } = await client.call("status", {});
  if (source === context.home.source) return controlAccess(client);
  client.close();
  throw new VriftError(
    "VRIFT_CONFIG",
    `the daemon (pid ${pid}) has its content in ${source}, this command in ${context.home.source} (VR_THE_SOURCE)`,
  );
}

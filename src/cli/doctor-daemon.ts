/** Doctor's look at the daemon: it is started when none runs, because not starting is what people call doctor for. */
import { buildId } from "../platform/build.js";
import { toVriftError } from "../platform/errors.js";
import { readWorkspaceFile } from "../workspace/identity.js";
import type { Context } from "./command.js";
import { connectDaemon } from "./connect-daemon.js";
import { daemonStatus } from "./daemon-status.js";
import type { Finding } from "./doctor-finding.js";

export async function daemonAnswers(context: Context): Promise<Finding> {
  const { home } = context;
  try {
    (await connectDaemon(context)).close();
    const status = await daemonStatus(home);
    if (!status) throw new Error("it ended at once");
    const what = `the daemon answers (process ${status.pid}, ${status.workspaces.length} workspaces)`;
    if (status.build === buildId()) return { level: "ok", what };
    return { level: "warn", what: `${what}, but is build ${status.build}`, advice: "vrift daemon restart" };
  } catch (error) {
    return {
      level: "fail",
      what: `the daemon does not answer: ${toVriftError(error).message}`,
      advice: `Look at the end of its log: ${home.daemonLog}`,
    };
  }
}

/** Opens a phantom tree as `run` would: only that reads its manifest and roots. Nothing to say of other directories. */
export async function phantomOpens(context: Context, root: string): Promise<Finding[]> {
  try {
    if (readWorkspaceFile(root) === undefined) return [];
    const control = await connectDaemon(context);
    try {
      await control.call("open", { root });
    } finally {
      control.close();
    }
    return [{ level: "ok", what: `the phantom workspace ${root} opens` }];
  } catch (error) {
    const { code, message, hint } = toVriftError(error);
    const advice = code === "VRIFT_DAMAGED" ? "Restore the named file from a backup." : hint;
    return [{ level: "fail", what: `the phantom workspace ${root} does not open: ${message}`, advice }];
  }
}

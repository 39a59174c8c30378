import type { ControlClient } from "../client/control-client.js";
import { killNamed, processState } from "../platform/process-state.js";
import { ensureDaemon } from "../daemon/start.js";
import { toVriftError } from "../platform/errors.js";
import type { Home } from "../platform/paths.js";
import { ownerOf } from "../workspace/owner-lock.js";
import type { Context } from "./command.js";
import { daemonStatus } from "./daemon-status.js";
import { within } from "./within.js";

/** More than stopping one and starting another take together, each with its own limit. */
const PATIENCE_MS = 20_000;

/**
 * The daemon of the home, started when none runs. It must not become part of a run that happens to start it: the library
 * would be in it for as long as it lives.
 * @throws VriftError VRIFT_NO_DAEMON and as ensureDaemon does; ETIMEDOUT, soon, for a daemon that is busy and does not answer.
 */
export async function connectDaemon({
  home,
  env,
  note,
}: Pick<Context, "home" | "env" | "note">): Promise<ControlClient> {
  const { LD_PRELOAD: _preload, VRIFT_INDEX: _index, VRIFT_RUN: _run, VRIFT_FDS: _descriptors, ...own } = env;
  await replaceFrozen(home, note);
  const connected = ensureDaemon(home, {
    env: own,
    onStale: ({ code, message, hint }) => note(`vrift: ${code}: ${message}\n  ${hint}`),
  });
  return await within(PATIENCE_MS, "connecting to the daemon", connected);
}

/** A daemon that is stopped (SIGSTOP, a freezer) serves nobody: it is killed, which loses nothing that it had acknowledged. */
async function replaceFrozen(home: Home, note: Context["note"]): Promise<void> {
  try {
    await daemonStatus(home);
  } catch (error) {
    const pid = ownerOf(home.daemonLock);
    const state = pid === undefined ? undefined : processState(pid);
    if (toVriftError(error).code !== "ETIMEDOUT" || state?.name !== "vriftd" || state.state !== "T")
      throw error;
    note(`vrift: the daemon, process ${pid}, is frozen; another one takes its place`);
    await killNamed(pid!, "vriftd");
  }
}

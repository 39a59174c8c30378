import type { ControlClient } from "../client/control-client.js";
import { ensureDaemon } from "../daemon/start.js";
import type { Context } from "./command.js";
import { daemonStatus } from "./daemon-status.js";
import { within } from "./within.js";

/** More than stopping one and starting another take together, each with its own limit. */
const PATIENCE_MS = 20_000;

/**
 * The daemon of the home, started when none runs. It must not become part of a run that happens to start it: the library
 * would be in it for as long as it lives.
 * @throws VriftError VRIFT_NO_DAEMON and as ensureDaemon does; ETIMEDOUT, soon, for a daemon that is frozen.
 */
export async function connectDaemon({
  home,
  env,
  note,
}: Pick<Context, "home" | "env" | "note">): Promise<ControlClient> {
  const { LD_PRELOAD: _preload, VRIFT_INDEX: _index, VRIFT_RUN: _run, VRIFT_FDS: _descriptors, ...own } = env;
  await daemonStatus(home);
  const connected = ensureDaemon(home, {
    env: own,
    onStale: ({ code, message, hint }) => note(`vrift: ${code}: ${message}\n  ${hint}`),
  });
  return await within(PATIENCE_MS, "connecting to the daemon", connected);
}

/** What commands call: a connection to the daemon of the home, which is started when there is none, and restarted when it is of another build and nobody needs it. */
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { ControlClient } from "../client/control-client.js";
import { connectControl } from "../client/control-client.js";
import { UnansweredError } from "../client/unanswered.js";
import { untilAnswered } from "../client/until-answered.js";
import { buildId } from "../platform/build.js";
import { VriftError } from "../platform/errors.js";
import type { Home } from "../platform/paths.js";
import { mapsIndex } from "../vdir/index-users.js";
import { spawnDetached } from "../platform/spawn-detached.js";
import { processState } from "../platform/process-state.js";

/** On a machine that does something else. One that ends is not waited for. */
const START_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 5000;
const POLL_MS = 10;

export interface EnsureOptions {
  /** Told of a daemon of another build that goes on because programs use it (VRIFT_STALE_DAEMON). */
  readonly onStale?: (warning: VriftError) => void;
  /** For the daemon to start; by default this process's. */
  readonly env?: NodeJS.ProcessEnv;
}

/** @throws VriftError VRIFT_NO_DAEMON with the last line of the log when none answers within 10 seconds, or it ended. */
export async function ensureDaemon(home: Home, options: EnsureOptions = {}): Promise<ControlClient> {
  // Nothing but its status is asked.
  return await untilAnswered(() => connectOrStart(home, options));
}

async function connectOrStart(home: Home, options: EnsureOptions): Promise<ControlClient> {
  const running = await connectIfRunning(home);
  if (running === undefined) return startAndConnect(home, options);
  const { build, pid } = await running.call("status", {});
  if (build === buildId()) return running;
  if (isUsed(home)) {
    options.onStale?.(
      new VriftError(
        "VRIFT_STALE_DAEMON",
        `the daemon (pid ${pid}) is of build ${build}, this is ${buildId()}`,
      ),
    );
    return running;
  }
  await stopDaemon(running, pid);
  // A socket unit listens for the next one, which is its to start.
  return (await connectIfRunning(home)) ?? startAndConnect(home, options);
}

/** undefined when nobody listens. */
export async function connectIfRunning(home: Home): Promise<ControlClient | undefined> {
  try {
    return await connectControl({ socketPath: home.controlSocket });
  } catch (error) {
    if (error instanceof VriftError && error.code === "ECONNREFUSED") return undefined;
    throw error;
  }
}

/** Asks it to stop and waits until the process is gone, so that the next one gets the lock. ETIMEDOUT. */
export async function stopDaemon(
  client: ControlClient,
  pid: number,
  timeoutMs = STOP_TIMEOUT_MS,
): Promise<void> {
  try {
    await client.call("stop", {});
  } catch (error) {
    // It was about to end without us.
    if (!(error instanceof UnansweredError)) throw error;
  }
  client.close();
  const deadline = Date.now() + timeoutMs;
  while (processState(pid) !== undefined) {
    if (Date.now() > deadline) throw new VriftError("ETIMEDOUT", `the daemon (pid ${pid}) does not stop`);
    await wait(POLL_MS);
  }
}

/** True when a program that runs maps an index of this home. */
export function isUsed(home: Home): boolean {
  const run = join(home.root, "run", "/");
  return mapsIndex((path) => path.startsWith(run));
}

async function startAndConnect(home: Home, { env = process.env }: EnsureOptions): Promise<ControlClient> {
  const { child, exit, failure } = spawnDetached("main.js", [], { log: home.daemonLog, env });
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const client = await connectIfRunning(home);
    if (client !== undefined) {
      // Another one was faster; ours must not become the daemon when that one is stopped in a moment.
      if ((await client.call("status", {})).pid !== child.pid) child.kill();
      return client;
    }
    // 0: another one was faster, and is what answers next.
    if (Date.now() > deadline || (exit() !== undefined && exit() !== 0))
      throw failure("the daemon does not start");
    await wait(POLL_MS);
  }
}

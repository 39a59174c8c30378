import { setTimeout as wait } from "node:timers/promises";
import { untilAnswered } from "../client/until-answered.js";
import { connectIfRunning, stopDaemon } from "../daemon/start.js";
import { PROJECT_PROCESS } from "../daemon/project-process.js";
import { killNamed, processState } from "../platform/process-state.js";
import { VriftError } from "../platform/errors.js";
import type { Home } from "../platform/paths.js";
import { workspacePaths } from "../platform/paths.js";
import { knownWorkspaces } from "../workspace/known.js";
import { ownerOf } from "../workspace/owner-lock.js";
import { within } from "./within.js";

const ANSWER_MS = 5000;
/** Making everything durable may take a while on a busy disk, and a frozen project is killed after ten seconds. */
const STOP_MS = 30_000;

export interface Stopped {
  readonly pid: number;
  /** It did not answer, or not end, and was killed: nothing that it had acknowledged is lost by that. */
  readonly killed: boolean;
}

/** null when none runs. */
export function stopRunning(home: Home): Promise<Stopped | null> {
  return untilAnswered(() => stopOrLook(home));
}

async function stopOrLook(home: Home): Promise<Stopped | null> {
  const running = await connectIfRunning(home);
  if (!running) {
    await stopProjects(home);
    return null;
  }
  let known: number | undefined;
  try {
    const { pid } = await within(ANSWER_MS, "the daemon's answer", running.call("status", {}));
    known = pid;
    await within(STOP_MS, "stopping", stopDaemon(running, pid, STOP_MS));
    return { pid, killed: false };
  } catch (error) {
    if (!(error instanceof VriftError) || error.code !== "ETIMEDOUT") throw error;
    const pid = known ?? frozenOwner(home);
    // One that has begun to stop listens no more.
    await killNamed(pid, "vriftd");
    await stopProjects(home);
    return { pid, killed: true };
  } finally {
    running.close();
  }
}

/** Those that a dead daemon has left: SIGTERM is an orderly stop, SIGKILL for one that does not hear it. */
async function stopProjects(home: Home): Promise<void> {
  const owners = knownWorkspaces(home).flatMap(({ id }) => ownerOf(workspacePaths(home, id).lock) ?? []);
  await Promise.all(owners.map(stopProject));
}

async function stopProject(pid: number): Promise<void> {
  if (processState(pid)?.name !== PROJECT_PROCESS) return;
  process.kill(pid, "SIGTERM");
  const deadline = Date.now() + ANSWER_MS;
  while (processState(pid)?.name === PROJECT_PROCESS && Date.now() < deadline) await wait(10);
  await killNamed(pid, PROJECT_PROCESS);
}

/** Whose the home is. The kernel's word on the socket is that of whoever made it, which may be a process before, or a socket unit's. */
function frozenOwner(home: Home): number {
  const pid = ownerOf(home.daemonLock);
  if (pid === undefined || processState(pid)?.name !== "vriftd")
    throw new VriftError(
      "ETIMEDOUT",
      `process ${pid ?? "unknown"} serves ${home.controlSocket} and does not answer`,
    );
  return pid;
}

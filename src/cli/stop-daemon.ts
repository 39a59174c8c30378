import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { openSocket } from "../client/open-socket.js";
import { connectIfRunning, stopDaemon } from "../daemon/start.js";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { native } from "../platform/native.js";
import type { Home } from "../platform/paths.js";
import { within } from "./within.js";

const ANSWER_MS = 5000;
/** Making everything durable may take a while on a busy disk. */
const STOP_MS = 30_000;

export interface Stopped {
  readonly pid: number;
  /** It did not answer, or not end, and was killed: nothing that it had acknowledged is lost by that. */
  readonly killed: boolean;
}

/** null when none runs. */
export async function stopRunning(home: Home): Promise<Stopped | null> {
  const running = await connectIfRunning(home);
  if (!running) return null;
  try {
    const { pid } = await within(ANSWER_MS, "the daemon's answer", running.call("status", {}));
    await within(STOP_MS, "stopping", stopDaemon(running, pid));
    return { pid, killed: false };
  } catch (error) {
    if (!(error instanceof VriftError) || error.code !== "ETIMEDOUT") throw error;
    return { pid: await killListener(home), killed: true };
  } finally {
    running.close();
  }
}

/** The process that listens on the control socket, as the kernel knows it. */
async function killListener(home: Home): Promise<number> {
  const socket = await openSocket(home.controlSocket);
  const { pid } = native.peerCredentials(descriptorOf(socket));
  socket.destroy();
  if (!isDaemon(pid))
    throw new VriftError("ETIMEDOUT", `process ${pid} serves ${home.controlSocket} and does not answer`);
  process.kill(pid, "SIGKILL");
  while (isDaemon(pid)) await wait(10);
  return pid;
}

function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } };
  if (handle?.fd === undefined) throw new VriftError("ECONNRESET", "the connection to the daemon broke");
  return handle.fd;
}

/** False also for one that has ended and waits to be collected. */
function isDaemon(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return /^Name:\tvriftd$/m.test(status) && !/^State:\t[ZX]/m.test(status);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH")) return false;
    throw error;
  }
}

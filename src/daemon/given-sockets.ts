/**
 * Listening sockets that somebody else has made for us: a process before (succession.ts), or whoever starts us when a client connects
 * (systemd's socket unit; sd_listen_fds(3)). The latter keeps them open and goes on with them when we end, so that their names stay.
 */
import { VriftError } from "../platform/errors.js";
import { native } from "../platform/native.js";
import type { Home } from "../platform/paths.js";
import { SPECIFIED_SOCKET } from "../platform/paths.js";

export interface GivenSocket {
  readonly fd: number;
  /** The name is somebody else's to remove. */
  readonly keepName: boolean;
}

/** By the path they listen on. */
export type GivenSockets = ReadonlyMap<string, GivenSocket>;

/** sd_listen_fds(3). */
const FIRST_FD = 3;
/** The specified one, the home's, the control socket: more cannot be ours. */
const SOCKETS_MAX = 3;

/** Sockets that were passed to this very process; none otherwise. Call it once, first of all: children are not meant. EINVAL. */
export function activation(): GivenSockets {
  const { LISTEN_PID: pid, LISTEN_FDS: count } = process.env;
  for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete process.env[name];
  const given = new Map<string, GivenSocket>();
  if (pid !== String(process.pid)) return given;
  if (count === undefined || !/^\d$/.test(count) || Number(count) > SOCKETS_MAX)
    throw new VriftError(
      "EINVAL",
      `LISTEN_FDS is ${JSON.stringify(count)}; at most ${SOCKETS_MAX} sockets are used`,
    );
  for (let fd = FIRST_FD; fd < FIRST_FD + Number(count); fd++) given.set(pathOf(fd), { fd, keepName: true });
  return given;
}

/** EINVAL for a socket that is none of the home's: nobody would look for us there. */
export function assertOwn(given: GivenSockets, home: Home): void {
  const own = [home.daemonSocket, home.controlSocket, ...(home.isDefault ? [SPECIFIED_SOCKET] : [])];
  for (const path of given.keys())
    if (!own.includes(path))
      throw new VriftError(
        "EINVAL",
        `the socket ${path} that was passed is none of the home's: ${own.join(", ")}`,
      );
}

function pathOf(fd: number): string {
  try {
    return native.listeningPath(fd);
  } catch (error) {
    throw new VriftError(
      "EINVAL",
      `descriptor ${fd}, which was passed, is no listening Unix socket with a path`,
      {
        cause: error,
      },
    );
  }
}

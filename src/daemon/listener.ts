/**
 * One listening Unix socket. It is bound under a temporary name and renamed into place, so that the name always leads to
 * somebody who accepts, also while a dead daemon's socket is replaced. Peers of another uid (but root) are turned away.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, lstatSync, renameSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { dirname, join } from "node:path";
import { VriftError } from "../platform/errors.js";
import { isErrno, makeDirectory, unlinkIfPresent } from "../platform/files.js";
import type { Log } from "../platform/log.js";
import { native } from "../platform/native.js";
import { SOCKET_PATH_MAX } from "../platform/paths.js";

export interface Listener {
  readonly path: string;
  /** Accepts nobody any more and removes the name, if it is still this socket's. Connections go on. */
  close(): void;
}

/** Makes it 0700; EACCES when it is there and not ours alone (in /tmp somebody may have been faster). */
export function makePrivateDirectory(path: string): void {
  makeDirectory(path);
  const { uid, mode } = lstatSync(path);
  if (uid !== process.getuid!() || (mode & 0o170077) !== 0o040000)
    throw new VriftError("EACCES", `${path} must be a directory of yours with mode 0700`);
}

/** @param accept called with each admitted connection and the uid of its process. */
export async function listen(
  path: string,
  log: Log,
  accept: (socket: Socket, uid: number) => void,
): Promise<Listener> {
  const temporary = join(dirname(path), `.${randomBytes(4).toString("hex")}`);
  for (const name of [path, temporary]) {
    if (Buffer.byteLength(name) > SOCKET_PATH_MAX)
      throw new VriftError(
        "ENAMETOOLONG",
        `the socket path ${name} is over ${SOCKET_PATH_MAX} bytes; set VRIFT_SOCKET`,
      );
  }
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    const uid = peerUid(socket);
    if (uid === process.getuid!() || uid === 0) {
      accept(socket, uid);
      return;
    }
    log.warn("turned a connection of another user away", { path, uid: uid ?? "unknown" });
    socket.destroy();
  });
  server.listen(temporary);
  await once(server, "listening");
  chmodSync(temporary, 0o600);
  const { ino } = lstatSync(temporary, { bigint: true });
  renameSync(temporary, path);
  return { path, close: () => closeListener(server, path, ino) };
}

/** True when nobody of another uid owns the name and nobody answers on it. For places that are not ours alone (/tmp). */
export async function isFree(path: string): Promise<boolean> {
  let stat;
  try {
    stat = lstatSync(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return true;
    throw error;
  }
  if (stat.uid !== process.getuid!() || !stat.isSocket()) return false;
  return !(await answers(path));
}

/** True when somebody accepts connections at the name. */
export async function answers(path: string): Promise<boolean> {
  const socket = connect({ path });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function closeListener(server: Server, path: string, ino: bigint): void {
  try {
    if (lstatSync(path, { bigint: true }).ino === ino) unlinkIfPresent(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
  server.close();
}

function peerUid(socket: Socket): number | undefined {
  // Node keeps the descriptor to itself; there is no public way to SO_PEERCRED.
  const fd = (socket as unknown as { readonly _handle?: { readonly fd?: number } | null })._handle?.fd;
  return fd === undefined || fd < 0 ? undefined : native.peerCredentials(fd).uid;
}

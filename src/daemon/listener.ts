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
import { setTimeout as wait } from "node:timers/promises";
import { VriftError } from "../platform/errors.js";
import { isErrno, makeDirectory, unlinkIfPresent } from "../platform/files.js";
import type { Log } from "../platform/log.js";
import { native } from "../platform/native.js";
import { SOCKET_PATH_MAX } from "../platform/paths.js";
import { socketDescriptor } from "../platform/socket-descriptor.js";
import type { GivenSocket } from "./given-sockets.js";

/** A connection that lasts so long leads to somebody. */
const KEPT_MS = 300;

export interface Listener {
  readonly path: string;
  /** Of the listening socket, for a successor. */
  readonly fd: number;
  /** The name is somebody else's to remove. */
  readonly keepsName: boolean;
  /** Accepts nobody any more and removes the name, if it is still this socket's and ours to remove (`keepName`: leaves it). Connections go on. */
  close(keepName?: boolean): void;
  /**
   * Takes the name away, so that nobody finds the socket any more; who had found it is still accepted. The result gives the name
   * back.
   */
  withdraw(): () => void;
}

/** Makes it 0700; EACCES when it is there and not ours alone (in /tmp somebody may have been faster). */
export function makePrivateDirectory(path: string): void {
  makeDirectory(path);
  const { uid, mode } = lstatSync(path);
  if (uid !== process.getuid!() || (mode & 0o170077) !== 0o040000)
    throw new VriftError("EACCES", `${path} must be a directory of yours with mode 0700`);
}

/**
 * @param accept called with each admitted connection and the uid of its process.
 * @param given a socket that listens under this name already.
 */
export async function listen(
  path: string,
  log: Log,
  accept: (socket: Socket, uid: number) => void,
  given?: GivenSocket,
): Promise<Listener> {
  const server = admitting(path, log, accept);
  if (given === undefined) await listenUnder(server, path);
  else {
    server.listen({ fd: given.fd });
    await once(server, "listening");
  }
  const { ino } = lstatSync(path, { bigint: true });
  const keepsName = given?.keepName ?? false;
  let name = path;
  const rename = (to: string): void => {
    renameSync(name, to);
    name = to;
  };
  return {
    path,
    fd: socketDescriptor(server) ?? -1,
    keepsName,
    close: (keepName = keepsName) => {
      if (!keepName) removeName(name, ino);
      server.close();
    },
    withdraw: () => {
      rename(temporaryBeside(path));
      return () => rename(path);
    },
  };
}

function temporaryBeside(path: string): string {
  return join(dirname(path), `.${randomBytes(4).toString("hex")}`);
}

/** The name appears when the socket listens, private, whatever had it before. */
async function listenUnder(server: Server, path: string): Promise<void> {
  const temporary = temporaryBeside(path);
  for (const name of [path, temporary]) {
    if (Buffer.byteLength(name) > SOCKET_PATH_MAX)
      throw new VriftError(
        "ENAMETOOLONG",
        `the socket path ${name} is over ${SOCKET_PATH_MAX} bytes; set VRIFT_SOCKET`,
      );
  }
  server.listen(temporary);
  await once(server, "listening");
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
}

function admitting(path: string, log: Log, accept: (socket: Socket, uid: number) => void): Server {
  return createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    const uid = peerUid(socket);
    if (uid === process.getuid!() || uid === 0) {
      accept(socket, uid);
      return;
    }
    log.warn("turned a connection of another user away", { path, uid: uid ?? "unknown" });
    socket.destroy();
  });
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

/**
 * True when somebody accepts connections at the name and keeps one. A process that was killed accepts, too, until the last of its
 * threads is gone; it keeps none.
 */
export async function answers(path: string): Promise<boolean> {
  const socket = connect({ path });
  const enough = new AbortController();
  try {
    await once(socket, "connect");
    const closed = once(socket.resume(), "close", { signal: enough.signal }).then(() => false);
    closed.catch(() => undefined);
    return await Promise.race([closed, wait(KEPT_MS, true)]);
  } catch {
    return false;
  } finally {
    enough.abort();
    socket.destroy();
  }
}

function removeName(path: string, ino: bigint): void {
  try {
    if (lstatSync(path, { bigint: true }).ino === ino) unlinkIfPresent(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

/** undefined when the socket is closed. */
export function peerUid(socket: Socket): number | undefined {
  const fd = socketDescriptor(socket);
  return fd === undefined || fd < 0 ? undefined : native.peerCredentials(fd).uid;
}

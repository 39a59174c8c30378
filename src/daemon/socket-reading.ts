/**
 * Whether Node reads from a socket. `pause` alone lets it read ahead into a buffer of its own; bytes of a socket that is
 * given to another process must stay in the kernel. There is no public way, so the handle is told, as node:net itself does.
 */
import type { Socket } from "node:net";

interface Handle {
  reading: boolean;
  readStart(): number;
  readStop(): number;
}

/**
 * Takes what Node has read ahead of its consumer and has it read no more, also not by `resume`. Nobody listens for `data` any
 * more: it would be told, too.
 */
export function stopReading(socket: Socket): Buffer[] {
  const ahead: Buffer[] = [];
  for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null)
    ahead.push(chunk);
  const handle = handleOf(socket);
  if (handle?.reading === true) {
    handle.reading = false;
    handle.readStop();
  }
  return ahead;
}

/** Undoes stopReading; nothing for a socket that is being read. */
export function startReading(socket: Socket): void {
  const handle = handleOf(socket);
  if (handle?.reading !== false) return;
  handle.reading = true;
  handle.readStart();
}

function handleOf(socket: Socket): Handle | undefined {
  return (socket as unknown as { readonly _handle?: Handle | null })._handle ?? undefined;
}

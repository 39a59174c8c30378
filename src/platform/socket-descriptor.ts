import type { Server, Socket } from "node:net";

/** undefined when it is closed. Node keeps descriptors to itself; there is no public way to SO_PEERCRED, or to pass one on. */
export function socketDescriptor(of: Socket | Server): number | undefined {
  return (of as unknown as { readonly _handle?: { readonly fd?: number } | null })._handle?.fd;
}

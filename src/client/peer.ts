import { stat } from "node:fs/promises";
import type { Socket } from "node:net";
import { VriftError } from "../platform/errors.js";
import type { NativeAddon } from "../platform/native.js";
import { socketDescriptor } from "../platform/socket-descriptor.js";

/** @throws VriftError EPERM when the process at the other end is not of our uid. */
export async function checkPeer(socket: Socket, path: string): Promise<void> {
  const addon = await loadAddon();
  const fd = socketDescriptor(socket);
  // Without the addon (a client in a package that was never built) the owner of the socket file has to do: in a
  // directory of ours nobody else could have made it, and in /tmp the sticky bit keeps it whose it is.
  const uid =
    addon !== undefined && fd !== undefined ? addon.peerCredentials(fd).uid : (await stat(path)).uid;
  const ours = process.getuid?.();
  if (uid !== ours) throw new VriftError("EPERM", `${path} is served by user ${uid}, not by ${ours}`);
}

let addon: Promise<NativeAddon | undefined> | undefined;

/** Loaded when first needed: users of the protocol alone do not need a compiler. undefined when it was never built, or not for this machine. */
async function loadAddon(): Promise<NativeAddon | undefined> {
  addon ??= import("../platform/native.js").then(
    (module) => module.native,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "MODULE_NOT_FOUND" || error.code === "ERR_DLOPEN_FAILED") return undefined;
      throw error;
    },
  );
  return await addon;
}

/** The text of StatusAck: `ready`, then facts a person can read. */
import type { ControlOperations } from "./control.js";

export function statusText(status: ControlOperations["status"]["reply"]): string {
  const seconds = Math.floor((Date.now() - status.startedMs) / 1000);
  const lines = [
    "ready",
    `vriftd ${status.version} build ${status.build} pid ${status.pid} up ${seconds} s`,
    `home ${status.home}`,
    `connections ${status.connections}`,
    ...status.workspaces.map(
      ({ root, kind, entries, virtualEntries, distrust }) =>
        `${kind} ${root}: ${entries} entries, ${virtualEntries} virtual${kind === "phantom" && distrust !== undefined ? `; the kernel is asked first: ${distrust}` : ""}`,
    ),
  ];
  return lines.join("\n");
}

/** The text of StatusAck: `ready`, then facts a person can read. */
import { COMMAND_SHOWN } from "../platform/limits.js";
import type { ChildRecord } from "./child-records.js";
import type { ControlOperations } from "./control.js";
import type { Protections } from "./protections.js";

export function statusText(
  status: ControlOperations["status"]["reply"],
  children: readonly ChildRecord[],
  protections: Protected,
): string {
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
    ...childLines(children),
    ...protectedLines(protections),
  ];
  return lines.join("\n");
}

type Protected = ReturnType<Protections["counts"]>;

/** Which protection could be applied. */
export function protectedLines({ immutable, mode }: Protected): string[] {
  const total = immutable + mode;
  if (total === 0) return [];
  return [`protected files ${total}: ${immutable} with the immutable attribute, ${mode} by their mode alone`];
}

/** Programs that were started with Spawn, one a line. */
export function childLines(children: readonly ChildRecord[]): string[] {
  return children.map(({ pid, command, cwd, log, startedMs }) => {
    const seconds = Math.max(0, Math.floor((Date.now() - startedMs) / 1000));
    return `child ${pid} up ${seconds} s in ${JSON.stringify(cwd)}: ${shown(command)} > ${log}`;
  });
}

/** Quoted, so that it stays one line. */
function shown(command: readonly string[]): string {
  const text = command.map((word) => JSON.stringify(word.slice(0, COMMAND_SHOWN))).join(" ");
  return text.length > COMMAND_SHOWN ? `${text.slice(0, COMMAND_SHOWN)}…` : text;
}

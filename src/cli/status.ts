import type { ControlOperations, ProjectStatus } from "../daemon/control.js";
import { buildId } from "../platform/build.js";
import { VriftError } from "../platform/errors.js";
import { knownWorkspaces } from "../workspace/known.js";
import type { SolidFacts, WorkspaceKind } from "../workspace/workspace.js";
import { bytesText } from "./bytes-text.js";
import { jsonOption, rootOption } from "./command.js";
import type { Command, Context } from "./command.js";
import { daemonStatus } from "./daemon-status.js";
import { workspaceRoot } from "./located.js";

type DaemonStatus = ControlOperations["status"]["reply"];

export const status: Command = {
  name: "status",
  summary: "show the daemon, and the workspaces of this home",
  usage: ["status"],
  about: ["Starts nothing and opens nothing. The workspace of the working directory is marked with *."],
  options: { ...rootOption, ...jsonOption },
  positionals: [0, 0],
  anyStore: true,
  async run(context) {
    const daemon = await daemonStatus(context.home);
    const workspaces = daemon?.workspaces ?? knownWorkspaces(context.home);
    const here = rootHere(context);
    const data = { home: context.home.root, source: context.home.source, here, daemon, workspaces };
    const text = [
      `home        ${context.home.root}`,
      `store       ${context.home.source}`,
      `daemon      ${daemon ? daemonText(daemon) : "not running; commands start it"}`,
      ...workspaceLines(workspaces, here),
    ].join("\n");
    return { data, text };
  },
};

export function daemonText({ pid, version, build, startedMs, connections, rssBytes }: DaemonStatus): string {
  const stale = build === buildId() ? "" : " (another build than this command's; `vrift daemon restart`)";
  return (
    `process ${pid}, vrift ${version}, build ${build}${stale}, up ${durationText(Date.now() - startedMs)}, ` +
    `${connections} connection${connections === 1 ? "" : "s"}, ${bytesText(rssBytes)} of memory`
  );
}

function durationText(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

function rootHere(context: Context): string | null {
  try {
    return workspaceRoot(context);
  } catch (error) {
    if (error instanceof VriftError && error.code === "VRIFT_ROOT_REFUSED") return null;
    throw error;
  }
}

function answeredLines(
  kind: WorkspaceKind,
  entries: number,
  solid: SolidFacts | undefined,
  distrust: string | undefined,
): string[] {
  if (distrust !== undefined) return [`    the kernel answers: ${distrust}`];
  if (kind === "phantom" || solid === undefined) return [];
  const { watchedDirectories, hashed, unsettled } = solid;
  const young = unsettled === 0 ? "" : `, ${unsettled} changed too recently to be answered for`;
  return [
    `    ${watchedDirectories} directories watched, ${entries} names scanned, ${hashed} hashed${young}`,
  ];
}

function workspaceLines(workspaces: readonly ProjectStatus[], here: string | null): string[] {
  if (workspaces.length === 0) return ["workspaces  none yet"];
  return [
    "workspaces",
    ...workspaces.flatMap(
      ({ root, kind, entries, virtualEntries, virtualBytes, process, solid, distrust }) => {
        const content =
          kind === "phantom" ? `, ${virtualEntries} virtual (${bytesText(BigInt(virtualBytes))})` : "";
        const served = process === undefined ? "" : `, process ${process.pid}`;
        return [
          `${root === here ? "*" : " "} ${root}: ${kind}, ${entries} entries${content}${served}`,
          ...(process === undefined ? [] : answeredLines(kind, entries, solid, distrust)),
        ];
      },
    ),
  ];
}

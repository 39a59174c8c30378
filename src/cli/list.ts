import { existsSync } from "node:fs";
import { toVriftError } from "../platform/errors.js";
import { projectPaths } from "../platform/paths.js";
import type { Home } from "../platform/paths.js";
import type { ProjectStatus } from "../daemon/control.js";
import { isTreeLocked } from "../workspace/tree-lock.js";
import { incompleteCloneOf } from "../tree/clone-marker.js";
import { placeState } from "../workspace/forget.js";
import { readRestoring } from "../workspace/restoring.js";
import { listSnapshots, readBase } from "../workspace/snapshots.js";
import { bytesText } from "./bytes-text.js";
import { jsonOption } from "./command.js";
import type { Command } from "./command.js";
import { knownWorkspaces } from "./known-workspaces.js";

export const list: Command = {
  name: "list",
  summary: "list the workspaces of this home: where, what kind, cloned from what, in which state",
  usage: ["list"],
  about: [
    "Starts nothing and opens nothing. Counts of a workspace that is not open are those of its last time.",
  ],
  options: {
    ids: { type: "boolean", help: "also their ids, under which `db/`, `run/` and `snapshots/` have them" },
    ...jsonOption,
  },
  positionals: [0, 0],
  anyStore: true,
  async run(context) {
    const rows = (await knownWorkspaces(context))
      .map((info) => listed(context.home, info))
      .sort((a, b) => (a.root < b.root ? -1 : 1));
    const text =
      rows.length === 0
        ? "No workspaces yet: `vrift phantom DIR` or `vrift run` in a directory makes one."
        : rows.map((row) => rowText(row, context.flag("ids"))).join("\n");
    return { data: rows, text };
  },
};

interface Listed {
  readonly id: string;
  readonly root: string;
  readonly kind: "phantom" | "solid";
  readonly entries: number;
  readonly virtualFiles: number;
  readonly virtualBytes: bigint;
  readonly clonedFrom: string | null;
  readonly snapshots: readonly string[];
  readonly state: string;
  /** Of its vdir_d. */
  readonly pid: number | null;
}

function listed(home: Home, info: ProjectStatus): Listed {
  const { id, root, kind, entries, virtualEntries, virtualBytes, process } = info;
  const [clonedFrom, snapshots, state] = [
    orDamaged(() => readBase(home, id)?.root ?? null, null),
    orDamaged(() => listSnapshots(home, info).map(({ name }) => name), []),
    orDamaged(() => stateOf(home, info), "damaged: its .vrift/ cannot be read"),
  ];
  const counts = { entries, virtualFiles: virtualEntries, virtualBytes: BigInt(virtualBytes) };
  return { id, root, kind, ...counts, clonedFrom, snapshots, state, pid: process?.pid ?? null };
}

/** One damaged record does not hide the other workspaces. */
function orDamaged<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch (error) {
    if (toVriftError(error).code === "VRIFT_DAMAGED") return otherwise;
    throw error;
  }
}

function stateOf(home: Home, info: ProjectStatus): string {
  const { id, root, run, process } = info;
  const place = placeState(info);
  if (place === "gone") return "gone: the directory is not there";
  if (place === "other") return "replaced: something else is in its place";
  if (isTreeLocked(run)) return "a command is at work";
  if (incompleteCloneOf(root) !== undefined) return "interrupted clone";
  if (readRestoring(home, id) !== undefined) return "interrupted restore";
  if (existsSync(projectPaths(root).intent)) return "interrupted move of files";
  return process === undefined ? "closed" : "open";
}

function rowText(row: Listed, ids: boolean): string {
  const { id, root, kind, entries, virtualFiles, virtualBytes, clonedFrom, snapshots, state, pid } = row;
  const content =
    kind === "phantom" ? `, ${virtualFiles} files in the store (${bytesText(virtualBytes)})` : "";
  return [
    root,
    `  ${kind}, ${entries} names${content}`,
    ...(clonedFrom === null ? [] : [`  cloned from ${clonedFrom}`]),
    ...(snapshots.length === 0 ? [] : [`  snapshots: ${snapshots.join(", ")}`]),
    `  ${state}${pid === null ? "" : `, process ${pid}`}`,
    ...(ids ? [`  id ${id}`] : []),
  ].join("\n");
}

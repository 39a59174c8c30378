import { resolve } from "node:path";
import { openStore } from "../store/content-store.js";
import type { DiffSummary } from "../tree/diff.js";
import type { Patch, PatchMaker } from "../tree/patch-text.js";
import type { Difference } from "../tree/tree-difference.js";
import { jsonOption } from "./command.js";
import type { Command, Context, Outcome } from "./command.js";
import { workspaceRoot } from "./located.js";
import { withTree } from "./with-tree.js";

export const diff: Command = {
  name: "diff",
  summary: "show what has changed since a workspace was cloned, or since a snapshot",
  usage: ["diff [DIR] [--snapshot NAME] [--stat | --name-status | --json]"],
  about: [
    "DIR is any directory of the workspace, the working directory by default. The text is a unified diff with git's\n" +
      "headers, for `git apply` and `patch -p1`; binary files are only noted, times are no difference. What is left to\n" +
      "the kernel (.git, secrets, sockets) is not compared. Content of unchanged files is not read.",
    "--name-status: A added, D deleted, M changed (content or mode), T of another type.",
    "Exit status: 0, also when something differs; with --exit-code 1 then.",
  ],
  options: {
    snapshot: { type: "string", value: "NAME", help: "compare with this snapshot of the workspace" },
    stat: { type: "boolean", help: "only how many lines of each file" },
    "name-status": { type: "boolean", help: "only the names, with a letter each" },
    "exit-code": { type: "boolean", help: "exit 1 when something differs" },
    ...jsonOption,
  },
  positionals: [0, 1],
  async run(context) {
    const root = workspaceRoot(context, resolve(context.cwd, context.positionals[0] ?? "."));
    const summary = await withTree(context, async (tree) => {
      const { diff: compare } = await import("../tree/diff.js");
      return compare(root, context.value("snapshot") ?? null, tree);
    });
    const exitCode = context.flag("exit-code") && summary.differences.length > 0 ? 1 : 0;
    return { ...(await shown(context, summary)), exitCode };
  },
};

async function shown(context: Context, summary: DiffSummary): Promise<Outcome> {
  const { differences, workspace } = summary;
  if (context.flag("json")) return { data: jsonOf(summary), text: "" };
  const { PatchMaker: Maker, quoted } = await import("../tree/patch-text.js");
  const nameOf = ({ key, was, now }: Difference): string =>
    quoted((now ?? was)?.type === "dir" ? `${key}/` : key);
  if (context.flag("name-status")) {
    const text = differences.map((difference) => `${difference.status}\t${nameOf(difference)}`).join("\n");
    return { data: null, text };
  }
  const store = await openStore(context.home.source);
  try {
    const maker = new Maker(store, workspace.root);
    if (context.flag("stat")) return { data: null, text: statText(differences, maker, nameOf) };
    for (const difference of differences) context.write(maker.patch(difference).text);
    return { data: undefined, text: "" };
  } finally {
    store.close();
  }
}

function jsonOf({ workspace, snapshot, against, differences }: DiffSummary): unknown {
  const side = (name: Difference["was"] | Difference["now"]): unknown => {
    if (name === undefined) return null;
    if (name.type === "symlink") return { type: name.type, target: name.target };
    if (name.type === "dir") return { type: name.type, mode: name.mode };
    return {
      type: name.type,
      mode: name.mode,
      size: name.size,
      mtime_ns: name.mtimeNs,
      hash: name.hash ?? null,
    };
  };
  return {
    root: workspace.root,
    snapshot,
    against,
    differences: differences.map(({ key, status, was, now }) => ({
      path: key,
      status,
      was: side(was),
      now: side(now),
    })),
  };
}

const BAR = 40;

function statText(
  differences: readonly Difference[],
  maker: PatchMaker,
  nameOf: (difference: Difference) => string,
): string {
  const rows = differences.map((difference) => ({
    difference,
    name: nameOf(difference),
    patch: maker.patch(difference),
  }));
  if (rows.length === 0) return "";
  const width = Math.max(...rows.map(({ name }) => name.length));
  const most = Math.max(1, ...rows.map(({ patch }) => patch.added + patch.removed));
  const sum = (count: (patch: Patch) => number): number =>
    rows.reduce((all, { patch }) => all + count(patch), 0);
  return [
    ...rows.map(
      ({ difference, name, patch }) => ` ${name.padEnd(width)} | ${changeText(difference, patch, most)}`,
    ),
    ` ${rows.length} changed, ${sum(({ added }) => added)} insertions(+), ${sum(({ removed }) => removed)} deletions(-)`,
  ].join("\n");
}

function changeText(
  { was, now, modeOnly }: Difference,
  { added, removed, binary }: Patch,
  most: number,
): string {
  const size = (name: Difference["was"] | Difference["now"]): bigint =>
    name?.type === "file" ? name.size : 0n;
  if (binary) return `Bin ${size(was)} -> ${size(now)} bytes`;
  if ((now ?? was)?.type === "dir") return "directory";
  if (modeOnly) return "mode";
  const scaled = (lines: number): number => (most <= BAR ? lines : Math.ceil((lines * BAR) / most));
  return `${added + removed} ${"+".repeat(scaled(added))}${"-".repeat(scaled(removed))}`.trimEnd();
}

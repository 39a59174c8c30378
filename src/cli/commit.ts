import { resolve } from "node:path";
import type { CommitSummary } from "../tree/commit.js";
import { bytesText } from "./bytes-text.js";
import { jsonOption } from "./command.js";
import type { Command } from "./command.js";
import { workspaceRoot } from "./located.js";
import { withTree } from "./with-tree.js";

export const commit: Command = {
  name: "commit",
  summary: "take what programs have written in a phantom workspace into the store now",
  usage: ["commit [DIR]", "commit --dehydrate [DIR]"],
  about: [
    "DIR is any directory of the workspace, the working directory by default. The daemon does this by itself soon after a\n" +
      "file is quiet; this does not wait for that, and is done when all of it is on disk. The files stay where they are.",
  ],
  options: {
    dehydrate: {
      type: "boolean",
      help: "make them virtual again, unless a program uses the workspace: then only programs under vrift see them",
    },
    ...jsonOption,
  },
  positionals: [0, 1],
  async run(context) {
    const root = workspaceRoot(context, resolve(context.cwd, context.positionals[0] ?? "."));
    const dehydrate = context.flag("dehydrate");
    const summary = await withTree(context, async (tree) => {
      const { commit: takeIn } = await import("../tree/commit.js");
      return takeIn(root, tree, { dehydrate });
    });
    return { data: summary, text: summaryText(summary, dehydrate) };
  },
};

function summaryText(summary: CommitSummary, dehydrate: boolean): string {
  const { workspace, files, bytes, present, open, changed, dehydrated, kept, inUse } = summary;
  return [
    `${workspace.root}: ${files} files, ${bytesText(BigInt(bytes))}, were taken in; the store had ${present} of them before.`,
    ...(dehydrate ? [`${dehydrated} files are virtual again.`] : []),
    ...(inUse ? ["A program uses the workspace; repeat the command when it has ended."] : []),
    ...listed("Open for writing, and not taken:", open),
    ...listed("Changed meanwhile, and not taken; repeat the command:", changed),
    ...listed("Moved beside their paths, which were taken:", kept),
  ].join("\n");
}

function listed(title: string, keys: readonly string[]): string[] {
  return keys.length === 0 ? [] : ["", title, ...keys.map((key) => `  ${key}`)];
}

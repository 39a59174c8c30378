import { resolve } from "node:path";
import type { IngestSummary } from "../tree/ingest.js";
import { bytesText } from "./bytes-text.js";
import { dryRunOption, methodsText, planText } from "./import-text.js";
import { jsonOption } from "./command.js";
import type { Command } from "./command.js";
import { workspaceRoot } from "./located.js";
import { physicalLines } from "./physical-reasons.js";
import { withTree } from "./with-tree.js";

export const ingest: Command = {
  name: "ingest",
  summary: "copy a workspace's content into the store; the tree stays as it is",
  usage: ["ingest [DIR] [--dry-run]"],
  about: [
    "DIR is any directory of the workspace, the working directory by default. A later `vrift clone` or `vrift phantom`\n" +
      "finds the content there.",
  ],
  options: { ...dryRunOption, ...jsonOption },
  positionals: [0, 1],
  async run(context) {
    const root = workspaceRoot(context, resolve(context.cwd, context.positionals[0] ?? "."));
    if (context.flag("dry-run")) {
      const { planImport } = await import("../tree/plan-import.js");
      const plan = await withTree(context, (tree) => planImport(root, tree, "copy"));
      return { data: plan, text: planText(plan) };
    }
    const summary = await withTree(context, async (tree) => {
      const { ingest: copyIn } = await import("../tree/ingest.js");
      return copyIn(root, tree);
    });
    return { data: summary, text: summaryText(summary) };
  },
};

function summaryText(summary: IngestSummary): string {
  const { workspace, files, bytes, methods, unchanged, physical, refused } = summary;
  const stayed = physicalLines(physical);
  return [
    ...(unchanged > 0
      ? [`${workspace.root}: ${unchanged} files are as they were when the store got them, and were not read.`]
      : []),
    `${workspace.root}: ${files} files, ${bytesText(bytes)}, are in the store${files > 0 ? `: ${methodsText(methods)}` : ""}.`,
    ...(stayed.length > 0 ? ["", "Left out:", ...stayed] : []),
    ...(refused.length > 0
      ? ["", "Not taken; repeat the command:", ...refused.map(({ path, reason }) => `  ${path}: ${reason}`)]
      : []),
  ].join("\n");
}

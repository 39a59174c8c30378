import { resolve } from "node:path";
import type { IngestSummary } from "../tree/ingest.js";
import { bytesText } from "./bytes-text.js";
import { jsonOption } from "./command.js";
import type { Command } from "./command.js";
import { workspaceRoot } from "./located.js";
import { physicalLines } from "./physical-reasons.js";
import { withTree } from "./with-tree.js";

export const ingest: Command = {
  name: "ingest",
  summary: "copy a workspace's content into the store; the tree stays as it is",
  usage: ["ingest [DIR]"],
  about: [
    "DIR is any directory of the workspace, the working directory by default. A later `vrift clone` or `vrift phantom`\n" +
      "finds the content there.",
  ],
  options: { ...jsonOption },
  positionals: [0, 1],
  async run(context) {
    const root = workspaceRoot(context, resolve(context.cwd, context.positionals[0] ?? "."));
    const summary = await withTree(context, async (tree) => {
      const { ingest: copyIn } = await import("../tree/ingest.js");
      return copyIn(root, tree);
    });
    return { data: summary, text: summaryText(summary) };
  },
};

function summaryText({ workspace, files, bytes, methods, physical, refused }: IngestSummary): string {
  const present = methods.present ?? 0;
  const stayed = physicalLines(physical);
  return [
    `${workspace.root}: ${files} files, ${bytesText(bytes)}, are in the store; ${present} of them were before.`,
    ...(stayed.length > 0 ? ["", "Left out:", ...stayed] : []),
    ...(refused.length > 0
      ? ["", "Not taken; repeat the command:", ...refused.map(({ path, reason }) => `  ${path}: ${reason}`)]
      : []),
  ].join("\n");
}

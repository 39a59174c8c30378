import { resolve } from "node:path";
import type { RestoreSummary } from "../tree/restore.js";
import { jsonOption } from "./command.js";
import type { Command } from "./command.js";
import { workspaceRoot } from "./located.js";
import { withTree } from "./with-tree.js";

export const restore: Command = {
  name: "restore",
  summary: "make a workspace what it was when a snapshot was taken",
  usage: ["restore NAME [DIR]"],
  about: [
    "DIR is any directory of the workspace, the working directory by default. Bytes, modes, times and links are as they\n" +
      "were, and what came since goes. Programs see the old file or the new one, never a mixture. The state before is\n" +
      "kept as the snapshot before-restore, so that `vrift restore before-restore` takes it back.",
    "May be interrupted at any moment: the same command goes on. Exit status 1 when a path is in the way of what it was.",
  ],
  options: { ...jsonOption },
  positionals: [1, 2],
  async run(context) {
    const [name = "", directory = "."] = context.positionals;
    const root = workspaceRoot(context, resolve(context.cwd, directory));
    const summary = await withTree(context, async (tree) => {
      const { restore: bringBack } = await import("../tree/restore.js");
      return bringBack(root, name, tree);
    });
    return { data: summary, text: summaryText(summary), exitCode: summary.blocked.length > 0 ? 1 : 0 };
  },
};

function summaryText(summary: RestoreSummary): string {
  const { workspace, name, before, placed, recorded, removed, adjusted, blocked, kept, appeared } = summary;
  const done = [
    ...(placed > 0 ? [`${placed} put in place`] : []),
    ...(recorded > 0 ? [`${recorded} virtual again`] : []),
    ...(removed > 0 ? [`${removed} removed`] : []),
    ...(adjusted > 0 ? [`${adjusted} with their mode, time or links set back`] : []),
  ];
  return [
    `${workspace.root} is as it was in ${name}: ${done.length === 0 ? "nothing had changed" : done.join(", ")}.`,
    ...(blocked.length > 0
      ? [
          "Not as they were, because something that no snapshot has is in the way:",
          ...blocked.map((key) => `  ${key}`),
        ]
      : []),
    ...(kept.length > 0
      ? ["Directories that stay, because they hold what no snapshot has:", ...kept.map((key) => `  ${key}`)]
      : []),
    ...(appeared.length > 0
      ? ["Came while it was restored, and stay:", ...appeared.map((key) => `  ${key}`)]
      : []),
    `\`vrift restore ${before}\` takes it back.`,
  ].join("\n");
}

import { realpathSync } from "node:fs";
import { relative, resolve } from "node:path";
import { VriftError } from "../platform/errors.js";
import type { AdoptSummary } from "../tree/adopt.js";
import { jsonOption } from "./command.js";
import type { Command, Context } from "./command.js";
import { workspaceRoot } from "./located.js";
import { withTree } from "./with-tree.js";

export const adopt: Command = {
  name: "adopt",
  summary: "take chosen changes of a clone back into what it was cloned from",
  usage: ["adopt WORKSPACE PATH..."],
  about: [
    "WORKSPACE is the clone. Each PATH is a file or a directory of it, with all that is below; `.` is everything.\n" +
      "A relative one is looked for from the working directory when that is in the clone, else from its root.",
    "When the source has changed one of them since, all such conflicts are listed, nothing is done at all and the exit\n" +
      "status is 1. What is replaced in the source is kept as its snapshot before-restore. An interrupted adopt is\n" +
      "completed by `vrift restore adopting SOURCE` and taken back by `vrift restore before-restore SOURCE`.",
  ],
  options: { ...jsonOption },
  positionals: [2, Infinity],
  async run(context) {
    const [directory = "", ...paths] = context.positionals;
    const root = workspaceRoot(context, resolve(context.cwd, directory));
    const keys = paths.map((path) => keyOf(context, root, path));
    const summary = await withTree(context, async (tree) => {
      const { adoptChanges } = await import("../tree/adopt.js");
      return adoptChanges(root, keys, tree);
    });
    return { data: summary, text: summaryText(summary), exitCode: summary.conflicts.length > 0 ? 1 : 0 };
  },
};

/** A name that is gone from the clone can be adopted, too: only directories above the first such name are resolved. */
function keyOf(context: Context, root: string, path: string): string {
  const cwd = realpathSync.native(context.cwd);
  const isInside = cwd === root || cwd.startsWith(`${root}/`);
  const from = relative(root, resolve(isInside ? cwd : root, path));
  if (from === ".." || from.startsWith("../"))
    throw new VriftError("EINVAL", `${path} is outside of the workspace ${root}`);
  return from;
}

function summaryText({ workspace, source, adopted, same, conflicts, kept, before }: AdoptSummary): string {
  if (conflicts.length > 0)
    return [
      `Nothing was done: ${conflicts.length} ${conflicts.length === 1 ? "change is" : "changes are"} in conflict with ${source}.`,
      ...conflicts.map(({ key, why }) => `  ${key}: ${why}`),
      `Make ${source} and ${workspace.root} alike there, or leave these paths out.`,
    ].join("\n");
  return [
    adopted.length === 0
      ? `${source} has these changes already.`
      : `${source} has ${adopted.length} ${adopted.length === 1 ? "change" : "changes"} of ${workspace.root}:`,
    ...adopted.map(({ key, status }) => `  ${status} ${key}`),
    ...(adopted.length > 0 && same.length > 0 ? [`${same.length} it had already.`] : []),
    ...(kept.length > 0
      ? ["Directories that stay, because they hold something else:", ...kept.map((key) => `  ${key}`)]
      : []),
    ...(before === null ? [] : [`\`vrift restore ${before} ${source}\` takes it back.`]),
  ].join("\n");
}

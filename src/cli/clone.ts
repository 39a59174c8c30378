import { resolve } from "node:path";
import type { CloneSummary } from "../tree/clone.js";
import { bytesText } from "./bytes-text.js";
import { jsonOption } from "./command.js";
import type { Command } from "./command.js";
import { withTree } from "./with-tree.js";

export const clone: Command = {
  name: "clone",
  summary: "make a second workspace from the manifest of the first",
  usage: ["clone SRC DST"],
  about: [
    "No content of a virtual file is touched: it takes little more than making the directories. What is written in\n" +
      "one of them stays its own. DST must not exist or be empty. May be interrupted and repeated.",
  ],
  options: { ...jsonOption },
  positionals: [2, 2],
  async run(context) {
    const [source = "", destination = ""] = context.positionals;
    const summary = await withTree(context, async (tree) => {
      const { clone: makeClone } = await import("../tree/clone.js");
      return makeClone(resolve(context.cwd, source), resolve(context.cwd, destination), tree);
    });
    return { data: summary, text: summaryText(summary) };
  },
};

function summaryText({
  workspace,
  directories,
  copied,
  alreadyThere,
  bytes,
  skipped,
  imported,
}: CloneSummary): string {
  const { root, virtualEntries } = workspace;
  return [
    `${root} is a workspace of its own: ${virtualEntries} files from the store, ${directories} directories, ` +
      `${copied} other files copied (${bytesText(bytes)}).`,
    ...(alreadyThere > 0 ? [`${alreadyThere} files were there from an interrupted clone.`] : []),
    ...(skipped > 0 ? [`${skipped} sockets or devices were left out.`] : []),
    ...(imported
      ? [`The source is an ordinary directory; ${imported.files} of its files were put into the store first.`]
      : []),
    `Programs see it all under \`vrift run\`; \`vrift solid ${root}\` makes it an ordinary directory.`,
  ].join("\n");
}

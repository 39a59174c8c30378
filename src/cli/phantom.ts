import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { VriftError } from "../platform/errors.js";
import type { PhantomSummary } from "../tree/phantom.js";
import { bytesText } from "./bytes-text.js";
import { dryRunOption, methodsText, planText } from "./import-text.js";
import { jsonOption } from "./command.js";
import type { Command } from "./command.js";
import { physicalLines } from "./physical-reasons.js";
import { withTree } from "./with-tree.js";

export const phantom: Command = {
  name: "phantom",
  summary: "move a tree's files into the store; programs under `vrift run` still see them",
  usage: ["phantom DIR [--yes] [--dry-run]"],
  about: [
    "Content goes to the store, once per machine; names, modes and times stay as an entry each. Programs outside\n" +
      "`vrift run` (git, editors, backups, a file manager) see directories, links, executables and what else must stay,\n" +
      "but not the other files. `vrift solid DIR` brings everything back exactly.",
    "May be interrupted at any moment and repeated: nothing is lost, what was done is kept.",
  ],
  options: {
    yes: { type: "boolean", short: "y", help: "also a git work tree, also more than two million entries" },
    ...dryRunOption,
    ...jsonOption,
  },
  positionals: [1, 1],
  async run(context) {
    const directory = resolve(context.cwd, context.positionals[0] ?? "");
    assertNotOurselves(directory);
    if (context.flag("dry-run")) {
      const { planImport } = await import("../tree/plan-import.js");
      const plan = await withTree(context, (tree) => planImport(directory, tree, "link"));
      return { data: plan, text: planText(plan) };
    }
    const summary = await withTree(context, async (tree) => {
      const { phantom: makePhantom } = await import("../tree/phantom.js");
      return makePhantom(directory, tree, { yes: context.flag("yes") });
    });
    return { data: summary, text: summaryText(summary) };
  },
};

/** Our own files would be content then, and no program that could show them would start. */
function assertNotOurselves(directory: string): void {
  const installation = realpathSync(fileURLToPath(new URL("../../../", import.meta.url)));
  let root;
  try {
    root = realpathSync(directory);
  } catch {
    return;
  }
  if (`${installation}/`.startsWith(root === "/" ? "/" : `${root}/`)) {
    throw new VriftError("VRIFT_ROOT_REFUSED", `${root} holds the vrift that is running (${installation})`);
  }
}

function summaryText({
  workspace,
  files,
  bytes,
  savedBytes,
  methods,
  physical,
  refused,
  kept,
}: PhantomSummary): string {
  const { root, virtualEntries } = workspace;
  const stayed = physicalLines(physical);
  return [
    `${root} is phantom: ${files} files, ${bytesText(bytes)}, are in the store now (${virtualEntries} altogether).`,
    ...(files > 0 ? [`How: ${methodsText(methods)}.`] : []),
    `Disk space freed: ${bytesText(savedBytes)}.`,
    "Programs see them under `vrift run`; to all others (git, editors, backups) they are not there.",
    `\`vrift solid ${root}\` brings everything back.`,
    ...(stayed.length > 0 ? ["", "Stays as it was:", ...stayed] : []),
    ...(refused.length > 0
      ? ["", "Not taken; repeat the command:", ...refused.map(({ path, reason }) => `  ${path}: ${reason}`)]
      : []),
    ...(kept.length > 0
      ? [
          "",
          "Changed while they were moved, and kept beside what took their place:",
          ...kept.map((path) => `  ${path}`),
        ]
      : []),
  ].join("\n");
}

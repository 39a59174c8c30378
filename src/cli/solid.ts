import { resolve } from "node:path";
import { VriftError } from "../platform/errors.js";
import type { SolidSummary } from "../tree/solid.js";
import { bytesText } from "./bytes-text.js";
import { jsonOption } from "./command.js";
import type { Command, Context } from "./command.js";
import { knownWorkspaces } from "./known-workspaces.js";
import { withTree } from "./with-tree.js";

export const solid: Command = {
  name: "solid",
  summary: "bring a phantom tree's files back: an ordinary directory again",
  usage: ["solid DIR", "solid --all"],
  about: [
    "Every byte, mode, time and link is as it was, or as programs have changed it since. May be interrupted at any\n" +
      "moment and repeated.",
  ],
  options: {
    all: { type: "boolean", help: "every phantom workspace of this home" },
    ...jsonOption,
  },
  positionals: [0, 1],
  async run(context) {
    const [directory] = context.positionals;
    if (context.flag("all") === (directory !== undefined)) {
      throw new VriftError(
        "VRIFT_USAGE",
        "solid needs either a directory or --all; usage: vrift solid DIR | vrift solid --all",
      );
    }
    if (directory !== undefined) {
      const summary = await makeSolid(resolve(context.cwd, directory), context);
      return { data: summary, text: summaryText(summary) };
    }
    return solidAll(context);
  },
};

/** One that fails does not keep the others from being brought back. */
async function solidAll(context: Context) {
  const summaries: SolidSummary[] = [];
  const failures: VriftError[] = [];
  const roots = (await knownWorkspaces(context))
    .filter(({ kind }) => kind === "phantom")
    .map(({ root }) => root);
  for (const root of roots) {
    try {
      summaries.push(await makeSolid(root, context));
    } catch (error) {
      if (!(error instanceof VriftError)) throw error;
      failures.push(error);
    }
  }
  for (const { code, message, hint } of failures) context.note(`vrift: ${code}: ${message}\n  ${hint}`);
  const text = roots.length === 0 ? "No workspace is phantom." : summaries.map(summaryText).join("\n");
  return { data: summaries, text, exitCode: failures.length > 0 ? 1 : 0 };
}

function makeSolid(directory: string, context: Context): Promise<SolidSummary> {
  return withTree(context, async (tree) => {
    const { solid: bringBack } = await import("../tree/solid.js");
    return bringBack(directory, tree);
  });
}

function summaryText({ workspace, files, bytes, present, recovered }: SolidSummary): string {
  return [
    `${workspace.root} is an ordinary directory again: ${files} files, ${bytesText(bytes)}, put in place` +
      `${present > 0 ? `; ${present} were there already` : ""}.`,
    ...(recovered.kept.length > 0
      ? ["Changed while an interrupted command moved them, and kept beside what took their place:"]
      : []),
    ...recovered.kept.map((path) => `  ${path}`),
  ].join("\n");
}

import { mapsIndex } from "../vdir/index-users.js";
import { VriftError } from "../platform/errors.js";
import { openStore } from "../store/content-store.js";
import type { ForgetSummary } from "../tree/forget.js";
import { bytesText } from "./bytes-text.js";
import { jsonOption } from "./command.js";
import type { Command } from "./command.js";
import { knownWorkspace } from "./known-place.js";

export const forget: Command = {
  name: "forget",
  summary: "end a workspace: its manifest, its snapshots, its hold on the store",
  usage: ["forget WORKSPACE [--discard]"],
  about: [
    "WORKSPACE is a directory, also one that is gone, or an id as `vrift list --ids` shows it. Files on disk stay as\n" +
      "they are. Content that nobody else names is deleted by the next sweep.",
    "Refused while the store has the only copy of something of it (virtual files, snapshots), unless --discard says\n" +
      "that it may go; and while a program uses it. `vrift solid DIR` brings files back first.",
  ],
  options: {
    discard: { type: "boolean", help: "also what only the store has: those files and snapshots are lost" },
    ...jsonOption,
  },
  positionals: [1, 1],
  async run(context) {
    const { home, positionals } = context;
    const info = await knownWorkspace(context, positionals[0] ?? "");
    if (mapsIndex((path) => path === info.index))
      throw new VriftError("EBUSY", `programs under \`vrift run\` use ${info.root}`);
    const store = await openStore(home.source);
    try {
      const { forget: end } = await import("../tree/forget.js");
      const summary = await end(info, { home, store }, { discard: context.flag("discard") });
      return { data: summary, text: summaryText(summary) };
    } finally {
      store.close();
    }
  },
};

function summaryText({ root, place, virtualFiles, virtualBytes, snapshots }: ForgetSummary): string {
  const ended = [
    ...(virtualFiles === null ? ["a manifest that could not be read"] : []),
    ...(virtualFiles
      ? [`${virtualFiles} files (${bytesText(virtualBytes ?? 0n)}) that only the store had`]
      : []),
    ...(snapshots.length > 0 ? [`the snapshots ${snapshots.join(", ")}`] : []),
  ];
  const directory = {
    there: "Its directory stays.",
    gone: "Its directory was gone.",
    other: "What is there now stays.",
  };
  return [
    `${root} is forgotten${ended.length > 0 ? `, and with it ${ended.join("; ")}` : ""}. ${directory[place]}`,
  ].join("\n");
}

import { lstatSync } from "node:fs";
import { join } from "node:path";
import { VriftError } from "../platform/errors.js";
import { blobFile, storeLayout } from "../store/blob-names.js";
import { jsonOption, rootOption } from "./command.js";
import type { Command } from "./command.js";
import { entryFacts, timeText } from "./entry-text.js";
import { locate } from "./located.js";
import { withClient } from "./with-client.js";

export const stat: Command = {
  name: "stat",
  summary: "show what the manifest knows of a path, and where its content is",
  usage: ["stat PATH"],
  options: { ...rootOption, ...jsonOption },
  positionals: [1, 1],
  async run(context) {
    const { root, key } = locate(context, context.positionals[0] ?? "");
    return withClient(context, root, async (client) => {
      const entry = await client.get(key);
      if (!entry) throw new VriftError("ENOENT", `the workspace ${root} has no ${key}`);
      const facts = entryFacts(entry);
      const path = join(root, key);
      const physical = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
      const content = physical
        ? path
        : blobFile(storeLayout(context.home.source), { hash: entry.content_hash, size: entry.size });
      const data = { root, path: key, state: physical ? "physical" : "virtual", ...facts, content };
      const rows: [string, string][] = [
        ["path", key === "" ? "." : key],
        ["root", root],
        ["type", facts.type],
        ["state", physical ? "physical: a file of the tree" : "virtual: content in the store"],
        ["size", String(facts.size)],
        ["mode", facts.mode],
        ["mtime", timeText(facts.mtime_ns)],
        ["hash", facts.type === "directory" ? "-" : facts.content_hash],
        ["content", content],
      ];
      return { data, text: rows.map(([name, value]) => `${name.padEnd(8)} ${value}`).join("\n") };
    });
  },
};

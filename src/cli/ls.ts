import type { DirEntry } from "../protocol/messages.js";
import type { VriftClient } from "../client/client.js";
import { jsonOption, rootOption } from "./command.js";
import type { Command } from "./command.js";
import { entryFacts, timeText } from "./entry-text.js";
import type { EntryFacts } from "./entry-text.js";
import { locate } from "./located.js";
import { withClient } from "./with-client.js";

export const ls: Command = {
  name: "ls",
  summary: "list a directory as the manifest has it",
  usage: ["ls [PATH]"],
  options: {
    long: { type: "boolean", short: "l", help: "mode, size, time and first digits of the content hash" },
    ...rootOption,
    ...jsonOption,
  },
  positionals: [0, 1],
  async run(context) {
    const { root, key } = locate(context, context.positionals[0] ?? ".");
    return withClient(context, root, async (client) => {
      const entries = await client.list(key);
      if (!context.flag("long")) {
        return {
          data: entries,
          text: entries.map(({ name, is_dir }) => (is_dir ? `${name}/` : name)).join("\n"),
        };
      }
      const detailed = await withFacts(client, key, entries);
      return { data: detailed, text: longText(detailed) };
    });
  },
};

type Detailed = DirEntry & Partial<EntryFacts>;

/** Asked all at once: requests are pipelined. A name that went meanwhile has no facts. */
function withFacts(client: VriftClient, key: string, entries: readonly DirEntry[]): Promise<Detailed[]> {
  return Promise.all(
    entries.map(async (entry) => {
      const found = await client.get(key === "" ? entry.name : `${key}/${entry.name}`);
      return found ? { ...entry, ...entryFacts(found) } : entry;
    }),
  );
}

function longText(entries: readonly Detailed[]): string {
  const width = Math.max(0, ...entries.map(({ size }) => String(size ?? "").length));
  return entries
    .map(({ name, is_dir, type, mode = "????", size = "", mtime_ns, content_hash = "" }) => {
      const time = mtime_ns === undefined ? "" : timeText(mtime_ns).slice(0, 19).replace("T", " ");
      const letter = type === "symlink" ? "l" : is_dir ? "d" : "-";
      const hash = is_dir ? "" : content_hash.slice(0, 12);
      return `${letter}${mode}  ${String(size).padStart(width)}  ${time.padEnd(19)}  ${hash.padEnd(12)}  ${name}${is_dir ? "/" : ""}`;
    })
    .join("\n");
}

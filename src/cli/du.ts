import { resolve } from "node:path";
import type { Amount } from "../store/store.js";
import type { ListUsage, PathUsage, StoreUsage } from "../tree/usage.js";
import { bytesText } from "./bytes-text.js";
import { jsonOption } from "./command.js";
import type { Command } from "./command.js";
import { knownWorkspaces } from "./known-workspaces.js";
import { locate } from "./located.js";
import { withTree } from "./with-tree.js";

export const du: Command = {
  name: "du",
  summary: "show who uses how much of the store, what is shared, and what that saves",
  usage: ["du", "du PATH"],
  about: [
    "Lengths of content, not blocks of the disk. `seen` is what programs see, each file for itself; `unique` is content that\n" +
      "nothing else names, and would be free without it; `shared` is what others name as well.",
    "With PATH, a file or directory of a workspace: what of it is in the store, and what is on disk.",
  ],
  options: { ...jsonOption },
  positionals: [0, 1],
  async run(context) {
    const [path] = context.positionals;
    return withTree(context, async (tree) => {
      const { pathUsage, storeUsage } = await import("../tree/usage.js");
      if (path !== undefined) {
        const { root, key } = locate(context, resolve(context.cwd, path));
        const usage = await pathUsage(tree, root, key);
        return { data: usage, text: pathText(usage) };
      }
      const usage = await storeUsage(tree, await knownWorkspaces(context));
      return { data: usage, text: storeText(usage, context.home.source) };
    });
  },
};

function storeText({ store, garbage, lists, seen, ratio, savedBytes }: StoreUsage, source: string): string {
  const rows = [...lists].sort((a, b) => Number(b.unique.bytes - a.unique.bytes));
  return [
    `${source}: ${amountText(store)}${garbage.blobs > 0 ? `; ${amountText(garbage)} of them named by nobody` : ""}`,
    ...(seen.files > 0
      ? [
          `phantom workspaces see ${seen.files} files, ${bytesText(seen.bytes)}: ${ratio.toFixed(2)} times that` +
            `${savedBytes > 0n ? `, ${bytesText(savedBytes)} saved` : ""}`,
        ]
      : []),
    ...(rows.length === 0
      ? []
      : [
          "",
          ...table([
            ["files", "seen", "in the store", "unique", "shared", ""],
            ...rows.map((row) => [
              row.seen === null ? "-" : String(row.seen.files),
              row.seen === null ? "-" : bytesText(row.seen.bytes),
              ...[row.held, row.unique, row.shared].map(({ bytes }) => bytesText(bytes)),
              nameOf(row),
            ]),
          ]),
        ]),
  ].join("\n");
}

function pathText({ root, key, virtual, physical, held, unique, shared }: PathUsage): string {
  return [
    key === "" ? root : `${root}/${key}`,
    `  in the store  ${virtual.files} files, ${bytesText(virtual.bytes)}; ${amountText(held)} of different content`,
    `  unique        ${amountText(unique)}, free without it`,
    `  shared        ${amountText(shared)}`,
    `  on disk       ${physical.files} files, ${bytesText(physical.bytes)}`,
  ].join("\n");
}

function nameOf({ kind, root, name }: ListUsage): string {
  switch (kind) {
    case "phantom":
      return `${root}`;
    case "solid":
      return `${root} (solid: its files are on disk as well)`;
    case "snapshot":
      return `${root}, snapshot ${name}`;
    case "base":
      return `${root}, what it was cloned from`;
    case "unknown":
      return `${name} (no workspace of this home)`;
  }
}

/** Columns of numbers to the right, the last one to the left. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padStart(widths[column]!)))
      .join("  ")
      .trimEnd(),
  );
}

function amountText({ blobs, bytes }: Amount): string {
  return `${blobs} blob${blobs === 1 ? "" : "s"}, ${bytesText(bytes)}`;
}

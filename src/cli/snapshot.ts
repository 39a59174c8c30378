import { resolve } from "node:path";
import { VriftError } from "../platform/errors.js";
import type { SnapshotSummary } from "../tree/snapshot.js";
import type { NamedSnapshot } from "../workspace/snapshots.js";
import { bytesText } from "./bytes-text.js";
import { jsonOption } from "./command.js";
import type { Command, Context, Outcome } from "./command.js";
import { knownWorkspaces } from "./known-workspaces.js";
import { workspaceRoot } from "./located.js";
import { withTree } from "./with-tree.js";

export const snapshot: Command = {
  name: "snapshot",
  summary: "keep a workspace as it is now under a name; list and delete such names",
  usage: ["snapshot NAME [DIR]", "snapshot --list [DIR]", "snapshot --delete NAME [DIR]"],
  about: [
    "DIR is any directory of the workspace, the working directory by default. Files, links, modes and times are kept,\n" +
      "content once per machine; `vrift restore NAME` brings them back. Left out, and left alone by restore: .git,\n" +
      "secrets (.env, keys), sockets, what belongs to others, attributes and ACLs.",
  ],
  options: {
    list: { type: "boolean", short: "l", help: "the snapshots of the workspace, the oldest first" },
    delete: { type: "boolean", help: "end this one; the next sweep frees what nothing else holds" },
    ...jsonOption,
  },
  positionals: [0, 2],
  async run(context) {
    const [list, remove] = [context.flag("list"), context.flag("delete")];
    const [first, second] = context.positionals;
    if ((list && remove) || (list ? second !== undefined : first === undefined))
      throw new VriftError(
        "VRIFT_USAGE",
        `usage: ${snapshot.usage.map((line) => `vrift ${line}`).join(" | ")}`,
      );
    const root = workspaceRoot(context, resolve(context.cwd, (list ? first : second) ?? "."));
    if (list) return await listOf(context, root);
    const name = first!;
    const tree = await import("../tree/snapshot.js");
    if (remove) {
      await withTree(context, (access) => tree.removeSnapshot(root, name, access));
      return { data: { root, name }, text: `The snapshot ${name} of ${root} is deleted.` };
    }
    const summary = await withTree(context, (access) => tree.snapshot(root, name, access));
    return { data: summary, text: summaryText(summary) };
  },
};

async function listOf(context: Context, root: string): Promise<Outcome> {
  const [{ listSnapshots }, { solidId }, { readWorkspaceFile }] = await Promise.all([
    import("../workspace/snapshots.js"),
    import("../platform/workspace-id.js"),
    import("../workspace/identity.js"),
  ]);
  const known = (await knownWorkspaces(context)).find((workspace) => workspace.root === root);
  const id = readWorkspaceFile(root)?.id ?? known?.id ?? solidId(root);
  const found = listSnapshots(context.home, { id, root });
  const data = found.map(({ name, madeMs, files, bytes, scope }) => ({
    name,
    madeMs,
    files,
    bytes,
    scope: scope ?? null,
  }));
  return { data, text: found.length === 0 ? `${root} has no snapshots.` : found.map(rowText).join("\n") };
}

function rowText({ name, madeMs, files, bytes, scope }: NamedSnapshot): string {
  const time = new Date(madeMs).toISOString().slice(0, 19).replace("T", " ");
  const part = scope === undefined ? "" : `, of ${scope.length} names`;
  return `${name}  ${time} UTC, ${files} files, ${bytesText(BigInt(bytes))}${part}`;
}

function summaryText({ workspace, name, files, bytes, attributes, settled }: SnapshotSummary): string {
  return [
    `${name} has ${workspace.root} as it is now: ${files} files, ${bytesText(bytes)}.`,
    ...(settled
      ? []
      : ["Programs were changing it meanwhile: each file is whole, but they are not all of one moment."]),
    ...(attributes > 0 ? [`${attributes} files have attributes or ACLs, which are not kept.`] : []),
    `\`vrift restore ${name}\` brings it back.`,
  ].join("\n");
}

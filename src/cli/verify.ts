import { resolve } from "node:path";
import type { ContentUse, Unread } from "../tree/named-content.js";
import type { NamedContent, VerifyReport } from "../tree/verify.js";
import type { Damage } from "../store/examine.js";
import { bytesText } from "./bytes-text.js";
import { jsonOption } from "./command.js";
import type { Command } from "./command.js";
import { withTree } from "./with-tree.js";

const DAMAGE_REPAIRED = 3;
const CONTENT_LOST = 4;
/** Paths of one content, and lines of one kind, that a person is shown; --json has all. */
const SHOWN = 20;

export const verify: Command = {
  name: "verify",
  summary: "look for damage in the store, repair what can be repaired, say what is lost",
  usage: ["verify [--full [--restart]] [--from DIR]"],
  about: [
    "Looks at names, sizes and seals of all blobs, and whether every file of the phantom workspaces and snapshots of this\n" +
      "home has its content. What is not what its name says goes to the store's trash. What is missing is made again from\n" +
      "files of workspaces that have the same content. Safe at any time, beside anything.",
    "Exit status: 0 all is well; 3 there was damage, and nothing that is needed is missing now; 4 content is lost, or\n" +
      "something could not be looked at.",
  ],
  options: {
    full: { type: "boolean", help: "read and hash everything; goes on where an interrupted one has stopped" },
    restart: { type: "boolean", help: "with --full: from the beginning" },
    from: { type: "string", value: "DIR", help: "look for lost content in files of DIR, too" },
    ...jsonOption,
  },
  positionals: [0, 0],
  run: (context) =>
    withTree(context, async (tree) => {
      const { verify: look } = await import("../tree/verify.js");
      const from = context.value("from");
      const report = await look(tree, {
        full: context.flag("full"),
        restart: context.flag("restart"),
        ...(from === undefined ? {} : { from: resolve(context.cwd, from) }),
      });
      return { data: report, text: reportText(report).join("\n"), exitCode: exitCode(report) };
    }),
};

function exitCode({ blobs, repaired, lost, lists, unread }: VerifyReport): number {
  if (lost.length + lists.length + unread.length > 0) return CONTENT_LOST;
  return blobs.damaged.length + repaired.length > 0 ? DAMAGE_REPAIRED : 0;
}

function reportText({ blobs, repaired, lost, lists, unread }: VerifyReport): string[] {
  const { damaged, hashed, hashedBytes, resealed, linked, resumedMs } = blobs;
  const since = resumedMs === null ? "" : `, going on with a run of ${new Date(resumedMs).toISOString()}`;
  return [
    `looked at     ${blobs.blobs} blobs, ${bytesText(blobs.bytes)}; hashed ${hashed}, ${bytesText(hashedBytes)}${since}`,
    ...(resealed > 0 ? [`sealed again  ${resealed}, whose content is right`] : []),
    ...(linked > 0 ? [`in progress   ${linked}, which are still files of a tree`] : []),
    ...section("damaged", damaged, damageLines),
    ...section("repaired", repaired, ({ from, ...content }) => [`${contentText(content)}, from ${from}`]),
    ...section("lost", lost, (content) => [contentText(content), ...useLines(content.uses)]),
    ...section("damaged lists; nothing is swept", lists, ({ name, reason }) => [`${name}: ${reason}`]),
    ...section("not looked at", unread, unreadLines),
    ...verdict({ blobs, repaired, lost, lists, unread }),
  ];
}

function verdict(report: VerifyReport): string[] {
  const [first] = report.lost;
  if (first !== undefined)
    return [
      "Lost content comes back with a copy of the file: put it anywhere into a workspace, or name its directory with",
      "`vrift verify --from DIR`. Writing a new file to the path replaces it.",
    ];
  return [
    exitCode(report) === 0 ? "all is well" : exitCode(report) === DAMAGE_REPAIRED ? "nothing is lost" : "",
  ].filter(Boolean);
}

function section<T>(title: string, items: readonly T[], lines: (item: T) => string[]): string[] {
  if (items.length === 0) return [];
  const shown = items
    .slice(0, SHOWN)
    .flatMap(lines)
    .map((line) => `  ${line}`);
  return [`${title}: ${items.length}`, ...shown, ...more(items.length)];
}

function more(count: number): string[] {
  return count > SHOWN ? [`  and ${count - SHOWN} more (--json has all)`] : [];
}

function damageLines({ name, fault, aside }: Damage): string[] {
  const why = {
    type: "is no file",
    size: "has another size",
    content: "has other content",
    unreadable: "cannot be read",
    name: "is no blob's name",
    rightful: "had a wrong name; it has its own again",
  }[fault];
  return [`${name} ${why}${aside === null ? "" : `; now ${aside}`}`];
}

function contentText({ hash, size, uses }: NamedContent): string {
  const count = uses.length === 1 ? useText(uses[0]!) : `${uses.length} files`;
  return `${hash}, ${bytesText(size)}: ${count}`;
}

function useLines(uses: readonly ContentUse[]): string[] {
  if (uses.length < 2) return [];
  return [...uses.slice(0, SHOWN).map((use) => `  ${useText(use)}`), ...more(uses.length)];
}

function useText({ root, snapshot, key }: ContentUse): string {
  const path = key === "" ? `the names of ${root}` : `${root}/${key}`;
  return snapshot === null ? path : `${path} in ${snapshotText(snapshot)}`;
}

function snapshotText(name: string): string {
  return name === "" ? "what it was cloned from" : `snapshot ${name}`;
}

function unreadLines({ root, snapshot, reason }: Unread): string[] {
  return [`${root}${snapshot === null ? "" : `, ${snapshotText(snapshot)}`}: ${reason}`];
}

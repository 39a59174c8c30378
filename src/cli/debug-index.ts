/** `vrift debug index`: the index as it is in the file, for a person who doubts it. */
import { VriftError } from "../platform/errors.js";
import { IndexReader } from "../vdir/index-reader.js";
import type { IndexEntry } from "../vdir/index-reader.js";
import type { IndexHeader } from "../vdir/index-header.js";
import { indexReport, probeLength } from "../vdir/index-report.js";
import type { IndexReport } from "../vdir/index-report.js";
import { constants } from "../vdir/layout.js";
import { Marks, markWord } from "../vdir/marks.js";
import { native } from "../platform/native.js";
import { knownWorkspaces } from "../workspace/known.js";
import { workspacePaths } from "../platform/paths.js";
import type { Context, Outcome } from "./command.js";
import { controlAccess } from "../tree/control-access.js";
import { connectDaemon } from "./connect-daemon.js";
import { timeText } from "./entry-text.js";
import { flagNames } from "./explain-index.js";
import { locate, workspaceRoot } from "./located.js";
import { verifyIndex } from "./verify-index.js";

/** Told one by one before the rest is only counted. */
const SHOWN = 20;

export async function debugIndex(context: Context, path: string | undefined): Promise<Outcome> {
  const { root, key } =
    path === undefined ? { root: workspaceRoot(context), key: undefined } : locate(context, path);
  if (context.flag("verify")) return await verify(context, root);
  const known = knownWorkspaces(context.home).find((workspace) => workspace.root === root);
  if (known === undefined)
    throw new VriftError("ENOENT", `${root} is no workspace that was ever opened here`);
  const { index, marks } = workspacePaths(context.home, known.id);
  const reader = IndexReader.open(index);
  if (key !== undefined) return oneEntry(reader, root, key, Marks.open(marks));
  const header = reader.header;
  const report = indexReport(reader);
  return { data: { root, index, ...header, ...report }, text: wholeText(index, header, report) };
}

async function verify(context: Context, root: string): Promise<Outcome> {
  const access = controlAccess(await connectDaemon(context));
  try {
    // What programs did shortly before is no difference.
    await access.sync(root);
    const reader = IndexReader.open((await access.open(root)).index);
    const differences = await verifyIndex(reader, root, access);
    const lines = differences
      .slice(0, SHOWN)
      .map(({ key, problem }) => `${key === "" ? "." : key}: ${problem}`);
    if (differences.length > SHOWN) lines.push(`… and ${differences.length - SHOWN} more`);
    const entries = reader.header.entryCount;
    const text = [...lines, `${entries} entries, ${differences.length} differences`].join("\n");
    return { data: { root, entries, differences }, text, exitCode: differences.length > 0 ? 1 : 0 };
  } finally {
    await access.close();
  }
}

function oneEntry(reader: IndexReader, root: string, key: string, marks: Marks): Outcome {
  const hash = native.pathHash(Buffer.from(key));
  const entry = reader.lookup(key);
  const trusted = reader.trusted(key, marks.buffer);
  const place = { pathHash: `0x${hash.toString(16).padStart(16, "0")}`, markWord: markWord(hash), trusted };
  const rows: [string, string][] = [
    ["key", key === "" ? "." : key],
    ["hash", `${place.pathHash}, mark ${place.markWord}`],
    ["trusted", trusted ? "yes" : "no: programs ask the kernel first"],
  ];
  if (entry === undefined) {
    rows.push(["entry", "none"]);
    return { data: { root, key, ...place, entry: null }, text: table(rows), exitCode: 1 };
  }
  const probe = probeLength(key, entry.number, reader.header.entryCapacity);
  rows.push(...entryRows(entry, probe));
  const { hash: content, flags, ...facts } = entry;
  const data = { ...facts, flags: flagNames(flags), contentHash: content.toString("hex"), probe };
  return { data: { root, key, ...place, entry: data }, text: table(rows) };
}

function entryRows(entry: IndexEntry, probe: number): [string, string][] {
  return [
    ["entry", `${entry.number} in ${entry.parent}, ${probe} groups passed`],
    ["flags", flagNames(entry.flags).join(" ")],
    ["mode", entry.mode.toString(8)],
    ["size", `${entry.size} bytes, ${entry.blocks} blocks`],
    ["inode", `${entry.ino}`],
    ["mtime", timeText(entry.mtimeNs)],
    ["ctime", timeText(entry.ctimeNs)],
    ["content", (entry.flags & Number(constants.ENTRY_HASHED)) !== 0 ? entry.hash.toString("hex") : "-"],
  ];
}

function wholeText(index: string, header: IndexHeader, report: IndexReport): string {
  const beat = Number(process.hrtime.bigint() - header.heartbeatNs) / 1e9;
  const part = (some: number, all: number): string =>
    all === 0 ? "-" : `${((100 * some) / all).toFixed(1)}%`;
  const total = report.probes.reduce((sum, count) => sum + count, 0);
  return table([
    ["file", `${index}, ${header.fileSize} bytes`],
    ["root", header.rootPath],
    ["kind", header.kind === Number(constants.KIND_PHANTOM) ? "phantom" : "solid"],
    [
      "daemon",
      header.alive ? `alive, last beat ${beat.toFixed(2)} s ago` : "gone: programs ask the kernel first",
    ],
    [
      "distrust",
      header.distrust === 0 ? "no" : `0x${header.distrust.toString(16)}: programs ask the kernel first`,
    ],
    [
      "state",
      `transaction ${header.transaction}, structure ${header.structureSeq}${header.structureSeq % 2n === 1n ? " (in a change)" : ""}`,
    ],
    [
      "entries",
      `${report.entries} of ${header.entryCapacity}, ${part(report.entries, header.entryCapacity)}`,
    ],
    [
      "of these",
      `${report.directories} directories (${report.completeDirectories} complete), ${report.links} links`,
    ],
    [
      "",
      `${report.virtual} virtual, ${report.backed} backed, ${report.kernel} left to the kernel, ${report.hashed} with a hash`,
    ],
    [
      "keys",
      `${report.keyBytes} bytes; pool ${header.keysUsed} of ${header.keysSize}, ${part(header.keysUsed, header.keysSize)}`,
    ],
    ["probes", report.probes.map((count, n) => `${n}: ${part(count, total)}`).join(", ")],
    ["bytes", `${(header.fileSize / Math.max(report.entries, 1)).toFixed(0)} for each entry`],
  ]);
}

function table(rows: readonly (readonly [string, string])[]): string {
  return rows.map(([name, value]) => `${name.padEnd(9)} ${value}`).join("\n");
}

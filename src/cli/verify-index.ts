/**
 * `vrift debug index --verify`: the index against those who know better. Virtual entries against the manifest, which its owner,
 * the daemon, is asked for page by page; the others, and what complete directories list, against the tree itself.
 */
import { lstatSync, readdirSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../platform/files.js";
import { PROJECT_DIR } from "../platform/paths.js";
import type { IndexEntry, IndexReader } from "../vdir/index-reader.js";
import { constants } from "../vdir/layout.js";
import type { WorkspaceAccess } from "../tree/access.js";
import type { AdoptEntry } from "../workspace/workspace.js";

export interface Difference {
  readonly key: string;
  readonly problem: string;
}

const PAGE = 5000;
const has = (entry: IndexEntry, flag: bigint): boolean => (entry.flags & Number(flag)) !== 0;

/** Differences, in no order. The tree should be quiet: what changes meanwhile shows as one. */
export async function verifyIndex(
  reader: IndexReader,
  root: string,
  access: WorkspaceAccess,
): Promise<Difference[]> {
  const differences: Difference[] = [];
  const report = (key: string, problem: string): void => {
    differences.push({ key, problem });
  };
  const expected = new Map<string, AdoptEntry>();
  for await (const entry of manifestEntries(root, access)) expected.set(entry.path, entry);
  for (const entry of reader.entries()) {
    if (has(entry, constants.ENTRY_VIRTUAL)) {
      verifyVirtual(entry, expected.get(entry.key), report);
      expected.delete(entry.key);
    } else if (has(entry, constants.ENTRY_BACKED)) {
      verifyBacked(entry, join(root, entry.key), report);
    }
    if (has(entry, constants.ENTRY_COMPLETE)) verifyNames(reader, entry, root, report);
  }
  for (const key of expected.keys()) report(key, "is in the manifest, and not virtual in the index");
  return differences;
}

async function* manifestEntries(root: string, access: WorkspaceAccess): AsyncGenerator<AdoptEntry> {
  for (let after = ""; ;) {
    const entries = await access.entries(root, after, PAGE);
    yield* entries;
    const last = entries.at(-1);
    if (last === undefined) return;
    after = last.path;
  }
}

type Report = (key: string, problem: string) => void;

function verifyVirtual(entry: IndexEntry, wanted: AdoptEntry | undefined, report: Report): void {
  if (wanted === undefined) {
    report(entry.key, "is virtual in the index, and not in the manifest");
    return;
  }
  const said = [entry.size, entry.mtimeNs, entry.mode & 0o7777, entry.blocks, entry.hash.toString("hex")];
  const manifest = [wanted.size, wanted.mtimeNs, wanted.mode, wanted.blocks, wanted.hash];
  ["size", "mtime", "mode", "blocks", "hash"].forEach((field, n) => {
    if (String(said[n]) !== String(manifest[n]))
      report(entry.key, `${field} is ${said[n]} in the index, ${manifest[n]} in the manifest`);
  });
}

function verifyBacked(entry: IndexEntry, path: string, report: Report): void {
  let stat: BigIntStats;
  try {
    stat = lstatSync(path, { bigint: true });
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
    report(entry.key, "is backed in the index, and no file");
    return;
  }
  const format = 0o170000n;
  if ((BigInt(entry.mode) & format) !== (stat.mode & format)) {
    report(entry.key, "is something else on disk");
    return;
  }
  // Of a directory the kernel says the rest.
  if (stat.isDirectory()) return;
  if (entry.size !== stat.size) report(entry.key, `size is ${entry.size} in the index, ${stat.size} on disk`);
  if (entry.mtimeNs !== stat.mtimeNs)
    report(entry.key, `mtime is ${entry.mtimeNs} in the index, ${stat.mtimeNs} on disk`);
  if (BigInt(entry.mode) !== stat.mode)
    report(entry.key, `mode is ${entry.mode.toString(8)} in the index, ${stat.mode.toString(8)} on disk`);
}

/** Every name on disk is listed; ENOENT is said of all that is not. */
function verifyNames(reader: IndexReader, entry: IndexEntry, root: string, report: Report): void {
  const listed = new Set(reader.children(entry.key)?.map(({ name }) => name));
  let names: string[];
  try {
    names = readdirSync(join(root, entry.key));
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
    return;
  }
  for (const name of names) {
    if (listed.has(name) || (entry.key === "" && name === PROJECT_DIR)) continue;
    report(
      entry.key === "" ? name : `${entry.key}/${name}`,
      "is on disk, and not in the list of its complete directory",
    );
  }
}

/** What is physically in the tree, sorted into what the manifest knows and what only the kernel does. */
import { join, relative } from "node:path";
import type { IndexValue } from "../platform/native.js";
import { projectPaths } from "../platform/paths.js";
import { scanTree } from "../platform/scan.js";
import type { ScanEntry } from "../platform/scan.js";
import { isKernelName, isStorable } from "./kernel-names.js";
import { lookPhysical, parentKey } from "./physical.js";
import { toStubValue } from "./records.js";
import { removeOrphanBeside } from "./staging.js";
import type { Tree } from "./tree.js";

const WHITEOUTS = relative("/", projectPaths("/").whiteouts);

/** A listing made before its directories were watched. */
export interface Survey {
  readonly physical: TreeNames;
  readonly directories: Map<string, bigint>;
  readonly names: number;
  /** CLOCK_REALTIME, before it began. */
  readonly begunNs: bigint;
}

export interface TreeNames {
  /** Files, links and directories, by key. */
  readonly names: Map<string, ScanEntry>;
  readonly stubs: Map<string, IndexValue>;
  /** Directories with names that are not here. */
  readonly incomplete: Set<string>;
}

/** Every directory and the number of names, before there is a watch or an index. */
export async function survey(tree: Tree): Promise<Survey> {
  const begunNs = BigInt(Date.now()) * 1_000_000n;
  const physical = await listTree(tree);
  const names = physical.names.size + physical.stubs.size;
  return { physical, directories: directoriesOf(tree, physical), names, begunNs };
}

/** Longer than between two readings of the clock that the kernel stamps directories with. */
const TICK_NS = 20_000_000n;

/**
 * Whether a listing still has every name, now that its directories are watched: none of them has changed since, nor just before it, when
 * the clock may not tell. What is said of the files in it may be old; a solid tree's are looked at again before they count (settling.ts).
 */
export function isStillListed(tree: NameOwner, { physical, begunNs }: Survey): boolean {
  const unchanged = (key: string, known: ScanEntry | undefined): boolean => {
    const now = lookPhysical(key === "" ? tree.root : `${tree.root}/${key}`);
    if (now?.type !== "dir" || now.ctimeNs >= begunNs - TICK_NS || now.mtimeNs >= begunNs - TICK_NS)
      return false;
    return known === undefined || (now.ino === known.ino && now.ctimeNs === known.ctimeNs);
  };
  if (!unchanged("", undefined)) return false;
  for (const [key, entry] of physical.names) if (entry.type === "dir" && !unchanged(key, entry)) return false;
  return true;
}

export async function listTree(tree: NameOwner): Promise<TreeNames> {
  return sortNames(tree, await scanTree(tree.root, skippedKeys(tree)));
}

/** What decides whose a name is. */
export type NameOwner = Pick<Tree, "root" | "owner" | "foreign">;

/** With the whiteouts: a virtual name that is removed leaves no other trace on disk. */
export function directoriesOf(tree: Tree, physical: TreeNames): Map<string, bigint> {
  const directories = new Map<string, bigint>();
  for (const key of ["", WHITEOUTS]) {
    const found = lookPhysical(join(tree.root, key));
    if (found?.type === "dir") directories.set(key, found.ino);
  }
  for (const [key, entry] of physical.names) if (entry.type === "dir") directories.set(key, entry.ino);
  return directories;
}

/** `.git` below the root is found by the scan and left out of the result; these two are large or busy for certain. */
function skippedKeys(tree: NameOwner): string[] {
  return [".git", ".vrift", ...tree.foreign.keys];
}

function sortNames(tree: NameOwner, scan: readonly ScanEntry[]): TreeNames {
  const names = new Map<string, ScanEntry>();
  const stubs = new Map<string, IndexValue>();
  const incomplete = new Set<string>();
  const workspaces = innerWorkspaces(scan);
  const isKnownDirectory = (key: string): boolean => key === "" || names.get(key)?.type === "dir";
  for (const entry of scan) {
    const parent = parentKey(entry.key);
    if (!isKnownDirectory(parent)) continue;
    if (entry.type !== "dir" && removeOrphanBeside(tree.root, entry.key)) continue;
    if (
      !entry.validUtf8 ||
      !isStorable(tree.root, entry.key) ||
      (entry.errno !== 0 && entry.type !== "dir")
    ) {
      incomplete.add(parent);
    } else if (isKernelName(entry.key, entry, tree.owner, tree.foreign) || workspaces.has(entry.key)) {
      stubs.set(entry.key, toStubValue(entry));
    } else {
      names.set(entry.key, entry);
      if (entry.errno !== 0) incomplete.add(entry.key);
    }
  }
  return { names, stubs, incomplete };
}

/** Directories with a `.vrift/` of their own: the innermost workspace wins. */
function innerWorkspaces(scan: readonly ScanEntry[]): Set<string> {
  const found = new Set<string>();
  for (const entry of scan)
    if (entry.key.endsWith("/.vrift") && entry.type === "dir") found.add(parentKey(entry.key));
  return found;
}

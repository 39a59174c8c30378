/**
 * Compares the whole tree with the manifest by the table of states.ts and folds what happened into manifest and index.
 *
 * Order, and why it is safe at every point:
 *  1. The marks are copied *before* anything is looked at. Whatever a program does after that copy leaves its word
 *     different from the copy, so publishing the copy at the end cannot claim to have seen it.
 *  2. Whiteouts are read after the scan. A program whites names out first and then unlinks, renames or removes their
 *     directory, so what the scan saw to be gone has its whiteout by then.
 *  3. Manifest, then index, then the whiteout is removed. Killed between them, the next round does the rest: until
 *     then a whiteout without an entry says nothing, and an entry with its whiteout is removed again.
 *  4. `seen` last. A name whose adopted file still stands could be written to without a mark: it is left dirty.
 * A virtual entry ends only by a whiteout, or by a file that took its place, or by a non-directory that took the
 * place of its directory. A directory that somebody outside removed although it holds virtual entries stays in the
 * manifest with them, and is made again when somebody asks (`restore`), not while whoever removes it is at work.
 */
import { chmodSync, mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { EntryId, ManifestRecord } from "../manifest/manifest.js";
import { ROOT_ID, ROOT_PARENT } from "../manifest/manifest.js";
import { isErrno } from "../platform/files.js";
import type { IndexValue } from "../platform/native.js";
import { projectPaths } from "../platform/paths.js";
import { scanTree } from "../platform/scan.js";
import type { ScanEntry } from "../platform/scan.js";
import type { IndexWriter } from "../vdir/index-file.js";
import { constants } from "../vdir/layout.js";
import { isKernelName, isStorable } from "./kernel-names.js";
import { lookPhysical, parentKey } from "./physical.js";
import { backedRecord, isDir, isVirtual, toStubValue } from "./records.js";
import { endWhiteouts } from "./refresh.js";
import { decide } from "./states.js";
import type { Change, Tree } from "./tree.js";
import { commit, putIndex } from "./tree.js";
import type { Whiteout } from "./whiteouts.js";
import { isWhitedOut, readWhiteouts } from "./whiteouts.js";
import type { ResyncReport } from "./workspace.js";

const YIELD_EVERY = 8192;

/** What the scan found, sorted into what the manifest knows and what only the kernel does. */
interface Physical {
  readonly names: Map<string, ScanEntry>;
  readonly stubs: Map<string, IndexValue>;
  readonly incomplete: Set<string>;
}

/** Reasons in the index for asking the kernel first; a new file begins with the first. */
const DISTRUST_COMPARING = 1;
const DISTRUST_UNWATCHED = 2;
const WHITEOUTS = relative("/", projectPaths("/").whiteouts);
/** How often directories that appeared during a scan make it start again. */
const SCAN_ATTEMPTS = 3;

/** Before the index is built the caller builds and publishes; `snapshot` is what it publishes. */
export async function resync(
  tree: Tree,
  restore: boolean,
): Promise<{ report: ResyncReport; snapshot: ArrayBuffer }> {
  if (tree.index !== undefined) distrustAfterLoss(tree.index);
  const { snapshot, whiteouts, physical, unseen } = await lookAround(tree);
  const before = new Map(whiteouts.map(({ key }) => [key, tree.manifest.find(key)]));
  const comparison = new Comparison(tree, physical, new Set(whiteouts.map(({ key }) => key)), restore);
  await comparison.run();
  const completeness = changedCompleteness(tree, physical);
  const stubsChanged = removeOldStubs(tree, physical) || physical.stubs.size !== tree.stubs.size;
  tree.stubs = physical.stubs;
  tree.incomplete = physical.incomplete;
  await commit(tree, comparison.changes());
  for (const [key, value] of physical.stubs) tree.index?.put(key, value);
  for (const key of completeness) putIndex(tree, { key, record: tree.manifest.find(key) });
  await endWhiteouts(tree, whiteouts, before);
  comparison.pending.forEach((key) => tree.marks.bump(key));
  leaveVirtualDirty(tree, [...unseen, ...tree.watch.moved(snapshot, tree.marks.snapshot())]);
  if (tree.index !== undefined) publish(tree, tree.index, snapshot);
  if (stubsChanged || completeness.length > 0) tree.onIndexed();
  return { report: { ...comparison.report, whiteouts: whiteouts.length }, snapshot };
}

/** After a loss (queue overflow, a moved directory) nothing is trusted until the tree was compared; one that comes meanwhile stays. */
function distrustAfterLoss(index: IndexWriter): void {
  if ((BigInt(index.distrust >>> 0) & constants.DISTRUST_LOST) === 0n) return;
  index.setDistrust(DISTRUST_COMPARING);
  index.clearLost();
}

/** Without a watch changes from outside are not told, so nothing is trusted. */
export function publish(tree: Tree, index: IndexWriter, snapshot: ArrayBuffer): void {
  index.publishSeen(snapshot);
  index.setDistrust(tree.watch.failure === undefined ? 0 : DISTRUST_UNWATCHED);
}

/**
 * Directories that came, or may have come and gone, while the tree was listed: for a moment nobody told of changes in them.
 * What is virtual there moves its mark, so that the kernel is asked until the next round. (What is not listed there is not
 * answered from the index either: the directory is not complete, or its own mark has moved.)
 */
function leaveVirtualDirty(tree: Tree, directories: readonly string[]): void {
  for (const key of directories) {
    const record = tree.manifest.find(key);
    if (record === undefined || !isDir(record)) continue;
    for (const [name, child] of tree.manifest.children(record.id))
      if (isVirtual(child)) tree.marks.bump(key === "" ? name : `${key}/${name}`);
  }
}

interface Surroundings {
  readonly snapshot: ArrayBuffer;
  readonly whiteouts: readonly Whiteout[];
  readonly physical: Physical;
  /** Directories that are watched only since they were listed. */
  readonly unseen: readonly string[];
}

/** Steps 1 and 2. A directory must be watched before it is listed, or a change between the two is lost. */
async function lookAround(tree: Tree): Promise<Surroundings> {
  for (let attempt = 1; ; attempt++) {
    await tree.watch.drain();
    const snapshot = tree.marks.snapshot();
    tree.watch.renew(snapshot);
    const physical = await listTree(tree);
    const unseen = tree.watch.cover(directoriesOf(tree, physical));
    if (unseen.length > 0 && attempt < SCAN_ATTEMPTS) continue;
    const whiteouts = tree.kind === "phantom" ? readWhiteouts(tree.project.whiteouts) : [];
    for (const key of unseen) physical.incomplete.add(key);
    return { snapshot, whiteouts, physical, unseen };
  }
}

/** Every directory and the number of names, before there is a watch or an index. */
export async function survey(tree: Tree): Promise<{ directories: Map<string, bigint>; names: number }> {
  const physical = await listTree(tree);
  return { directories: directoriesOf(tree, physical), names: physical.names.size + physical.stubs.size };
}

async function listTree(tree: Tree): Promise<Physical> {
  return sortNames(tree, await scanTree(tree.root, skippedKeys(tree)));
}

/** With the whiteouts: a virtual name that is removed leaves no other trace on disk. */
function directoriesOf(tree: Tree, physical: Physical): Map<string, bigint> {
  const directories = new Map<string, bigint>();
  for (const key of ["", WHITEOUTS]) {
    const found = lookPhysical(join(tree.root, key));
    if (found?.type === "dir") directories.set(key, found.ino);
  }
  for (const [key, entry] of physical.names) if (entry.type === "dir") directories.set(key, entry.ino);
  return directories;
}

/** `.git` below the root is found by the scan and left out of the result; these two are large or busy for certain. */
function skippedKeys(tree: Tree): string[] {
  return [".git", ".vrift", ...tree.foreign];
}

function sortNames(tree: Tree, scan: readonly ScanEntry[]): Physical {
  const names = new Map<string, ScanEntry>();
  const stubs = new Map<string, IndexValue>();
  const incomplete = new Set<string>();
  const workspaces = innerWorkspaces(scan);
  const isKnownDirectory = (key: string): boolean => key === "" || names.get(key)?.type === "dir";
  for (const entry of scan) {
    const parent = parentKey(entry.key);
    if (!isKnownDirectory(parent)) continue;
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

class Comparison {
  readonly #tree: Tree;
  readonly #physical: Physical;
  readonly #whitedOut: ReadonlySet<string>;
  readonly #restore: boolean;
  /** In the order found: a directory before what is in it. Applied backwards. */
  readonly #removed: Change[] = [];
  readonly #put: Change[] = [];
  readonly #directories = new Map<string, EntryId>([["", ROOT_ID]]);
  /** Backed directories that are gone; those with a virtual entry below that stays are kept. */
  readonly #missing = new Map<string, { readonly change: Change; readonly record: ManifestRecord }>();
  readonly #known = new Set<string>();
  readonly report = { added: 0, removed: 0, becameBacked: 0 };
  /** Virtual entries whose adopted file still stands: somebody may have it open for writing. */
  readonly pending: string[] = [];

  constructor(tree: Tree, physical: Physical, whitedOut: ReadonlySet<string>, restore: boolean) {
    this.#tree = tree;
    this.#physical = physical;
    this.#whitedOut = whitedOut;
    this.#restore = restore;
  }

  async run(): Promise<void> {
    let seen = 0;
    if (this.#tree.manifest.find("") === undefined) this.#root(undefined);
    for (const [key, record] of this.#tree.manifest.entries()) {
      if (++seen % YIELD_EVERY === 0) await nextTurn();
      if (key === "") this.#root(record);
      else this.#compare(key, record);
    }
    for (const [key, entry] of this.#physical.names) {
      if (++seen % YIELD_EVERY === 0) await nextTurn();
      if (!this.#known.has(key)) this.#add(key, entry);
    }
  }

  changes(): Change[] {
    const missing = [...this.#missing.values()].map(({ change }) => change);
    const removed = [...this.#removed, ...missing].sort((a, b) => depth(b.key) - depth(a.key));
    this.report.removed += missing.length;
    return [...removed, ...this.#put];
  }

  #root(record: ManifestRecord | undefined): void {
    const physical = lookPhysical(this.#tree.root);
    if (physical === undefined || decide(record, physical, false) === "keep") return;
    this.#put.push({ parent: ROOT_PARENT, key: "", record: backedRecord(ROOT_ID, physical) });
  }

  #compare(key: string, record: ManifestRecord): void {
    const parent = this.#directories.get(parentKey(key));
    this.#known.add(key);
    if (parent === undefined) return this.#belowNoDirectory(key, record);
    if (this.#unreadable(key)) {
      if (isDir(record)) this.#directories.set(key, record.id);
      return;
    }
    if (this.#physical.stubs.has(key)) return this.#remove(key, parent);
    const physical = this.#physical.names.get(key);
    if (isDir(record)) return this.#compareDirectory(key, parent, record, physical);
    switch (decide(record, physical, isWhitedOut(this.#whitedOut, key))) {
      case "keep":
        if (isVirtual(record)) this.#keepParents(key);
        return;
      case "pending":
        this.pending.push(key);
        return;
      case "remove":
        return this.#remove(key, parent);
      case "become-backed":
        this.report.becameBacked += 1;
        return this.#replace(key, parent, record, physical!);
      case "restamp":
        return this.#replace(key, parent, record, physical!);
      case "none":
      case "add":
        return; // there is a record
    }
  }

  #compareDirectory(
    key: string,
    parent: EntryId,
    record: ManifestRecord,
    physical: ScanEntry | undefined,
  ): void {
    if (physical !== undefined && physical.type !== "dir") {
      // What was below it follows with no directory and ends: here the file wins over all of it.
      this.#removed.push({ parent, key, record: undefined });
      this.report.removed += 1;
      this.#known.delete(key);
      return;
    }
    this.#directories.set(key, record.id);
    if (physical !== undefined) {
      if (decide(record, physical, false) !== "keep") this.#replace(key, parent, record, physical);
    } else {
      this.#missing.set(key, { change: { parent, key, record: undefined }, record });
    }
  }

  /** Its directory turned into something else, or became a name that only the kernel knows. */
  #belowNoDirectory(key: string, record: ManifestRecord): void {
    const parent = this.#tree.manifest.find(parentKey(key));
    if (parent === undefined) return;
    if (isVirtual(record))
      this.#tree.log.warn("a virtual entry ends with its directory", { root: this.#tree.root, key });
    this.#remove(key, parent.id);
  }

  /** Nothing is known of what is in a directory that could not be read: its entries stay as they are. */
  #unreadable(key: string): boolean {
    for (let parent = parentKey(key); parent !== ""; parent = parentKey(parent)) {
      const entry = this.#physical.names.get(parent);
      if (entry !== undefined) return entry.errno !== 0;
    }
    return false;
  }

  #keepParents(key: string): void {
    const path: string[] = [];
    for (let parent = parentKey(key); this.#missing.has(parent); parent = parentKey(parent))
      path.push(parent);
    for (const directory of path.reverse()) {
      const { change, record } = this.#missing.get(directory)!;
      this.#missing.delete(directory);
      this.#physical.incomplete.add(directory);
      if (!this.#restore) continue;
      const made = makeDirectoryAgain(`${this.#tree.root}/${directory}`, record.mode);
      if (made !== undefined) this.#put.push({ ...change, record: backedRecord(record.id, made) });
      this.#tree.log.warn("a removed directory holds virtual files and is made again", {
        root: this.#tree.root,
        key: directory,
      });
    }
  }

  #replace(key: string, parent: EntryId, record: ManifestRecord, physical: ScanEntry): void {
    if (physical.type === "dir") this.#directories.set(key, record.id);
    this.#put.push({ parent, key, record: backedRecord(record.id, physical) });
  }

  #remove(key: string, parent: EntryId): void {
    this.#removed.push({ parent, key, record: undefined });
    this.report.removed += 1;
  }

  #add(key: string, entry: ScanEntry): void {
    const parent = this.#directories.get(parentKey(key));
    if (parent === undefined) return;
    const id = this.#tree.manifest.nextId();
    if (entry.type === "dir") this.#directories.set(key, id);
    this.report.added += 1;
    this.#put.push({ parent, key, record: backedRecord(id, entry) });
  }
}

function depth(key: string): number {
  let slashes = 0;
  for (let at = key.indexOf("/"); at >= 0; at = key.indexOf("/", at + 1)) slashes += 1;
  return slashes;
}

function makeDirectoryAgain(path: string, mode: number): ReturnType<typeof lookPhysical> {
  try {
    mkdirSync(path, mode);
    chmodSync(path, mode);
  } catch (error) {
    if (!isErrno(error, "EEXIST", "ENOENT", "ENOTDIR")) throw error;
  }
  const made = lookPhysical(path);
  return made?.type === "dir" ? made : undefined;
}

/** Known directories whose COMPLETE flag changes although their entry may not. */
function changedCompleteness(tree: Tree, physical: Physical): string[] {
  if (tree.index === undefined) return [];
  const changed: string[] = [];
  for (const key of tree.incomplete) if (!physical.incomplete.has(key)) changed.push(key);
  for (const key of physical.incomplete) if (!tree.incomplete.has(key)) changed.push(key);
  return changed.filter((key) => key === "" || physical.names.has(key));
}

/** Stubs that are gone, or are entries of the manifest now; a stub has nothing below it in the index. True: there were some. */
function removeOldStubs(tree: Tree, physical: Physical): boolean {
  const old = [...tree.stubs.keys()].filter((key) => !physical.stubs.has(key));
  for (const key of old) putIndex(tree, { key, record: undefined });
  return old.length > 0;
}

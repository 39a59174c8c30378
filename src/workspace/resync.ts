/**
 * Compares the whole tree with the manifest by the table of states.ts and folds what happened into manifest and index.
 *
 * Order, and why it is safe at every point:
 *  1. The marks are copied *before* anything is looked at. Whatever a program does after that copy leaves its word
 *     different from the copy, so publishing the copy at the end cannot claim to have seen it.
 *  2. Whiteouts are read after the scan. A program whites names out first and then unlinks, renames or removes their
 *     directory, so what the scan saw to be gone has its whiteout by then. Only settled ones count: they cannot be taken
 *     back after their entry is gone.
 *  3. Manifest, then index, then the whiteout is removed. Killed between them, the next round does the rest: until
 *     then a whiteout without an entry says nothing, and an entry with its whiteout is removed again.
 *  4. `seen` last. A name whose adopted file still stands could be written to without a mark: it is left dirty.
 * A virtual entry ends only by a whiteout, or by a file that took its place, or by a non-directory that took the
 * place of its directory. A directory that somebody outside removed although it holds virtual entries stays in the
 * manifest with them, and is made again when somebody asks (`restore`), not while whoever removes it is at work.
 */
import type { IndexWriter } from "../vdir/index-file.js";
import { constants } from "../vdir/layout.js";
import { Comparison } from "./comparison.js";
import { withIgnoreRules } from "./ignore-rules.js";
import { isDir, isVirtual } from "./records.js";
import { endWhiteouts } from "./refresh.js";
import type { Tree } from "./tree.js";
import { commit, putIndex } from "./tree.js";
import type { Survey, TreeNames } from "./tree-names.js";
import { directoriesOf, isStillListed, listTree } from "./tree-names.js";
import { endedUninjected, holdUninjected } from "./uninjected.js";
import type { Whiteout } from "./whiteouts.js";
import { settledWhiteouts } from "./whiteouts.js";
import type { ResyncReport } from "./workspace.js";

/** Reasons in the index for asking the kernel first; a new file begins with the first. */
const DISTRUST_COMPARING = 1;
export const DISTRUST_UNWATCHED = 2;
/** How often directories that appeared during a scan make it start again. */
const SCAN_ATTEMPTS = 3;
/** Of removed virtual files in a line of the log. */
const ENDED_NAMED = 10;

export interface Resynced {
  readonly report: ResyncReport;
  /** What was there. */
  readonly physical: TreeNames;
  /**
   * With an index that is not published yet: to be called when it has its name. Programs that still map the one of a daemon
   * before have nothing but the whiteout to tell them that a name is gone.
   */
  readonly removeWhiteouts: () => void;
}

/**
 * The caller publishes an index that is not.
 * @param listed of a solid tree, from before all its directories were watched.
 */
export async function resync(tree: Tree, restore: boolean, listed?: Survey): Promise<Resynced> {
  if (tree.index !== undefined) distrustAfterLoss(tree.index);
  // A mount may have been what was lost.
  if (tree.kind === "solid") tree.index?.learn();
  tree.foreign = withIgnoreRules(tree.kind, tree.root, tree.foreign);
  const ended = endedUninjected(tree);
  const { snapshot, whiteouts, physical, unseen } = await lookAround(tree, listed);
  const comparison = new Comparison(tree, physical, new Set(whiteouts.map(({ key }) => key)), restore);
  await comparison.run();
  if (comparison.overQuota > 0)
    tree.log.warn("names are over project_entries", { root: tree.root, names: comparison.overQuota });
  sayEnded(tree, comparison.ended);
  const completeness = changedCompleteness(tree, physical);
  const stubsChanged = removeOldStubs(tree, physical) || physical.stubs.size !== tree.stubs.size;
  tree.stubs = physical.stubs;
  tree.incomplete = physical.incomplete;
  await commit(tree, comparison.changes());
  for (const [key, value] of physical.stubs) tree.index?.put(key, value);
  for (const key of completeness) putIndex(tree, { key, record: tree.manifest.find(key) });
  const removeWhiteouts = (): void => endWhiteouts(tree, whiteouts);
  if (tree.index?.isPublished === true) removeWhiteouts();
  comparison.pending.forEach((key) => tree.marks.bump(key));
  leaveVirtualDirty(tree, [...unseen, ...tree.watch.moved(snapshot, tree.marks.snapshot())]);
  if (tree.kind === "solid") tree.index?.unsettle(snapshot);
  holdUninjected(snapshot, ended);
  if (tree.index !== undefined) publish(tree, tree.index, snapshot);
  if (stubsChanged || completeness.length > 0) tree.onIndexed();
  return { report: { ...comparison.report, whiteouts: whiteouts.length }, physical, removeWhiteouts };
}

/** Where a file has gone that is nowhere on the disk: somebody may want to know later. */
function sayEnded({ log, root }: Tree, ended: readonly string[]): void {
  if (ended.length === 0) return;
  const keys = ended.slice(0, ENDED_NAMED).join(" ");
  log.info("programs have removed virtual files", { root, files: ended.length, keys });
}

/** After a loss (queue overflow, a moved directory) nothing is trusted until the tree was compared; one that comes meanwhile stays. */
function distrustAfterLoss(index: IndexWriter): void {
  if ((BigInt(index.distrust >>> 0) & constants.DISTRUST_LOST) === 0n) return;
  index.setDistrust(DISTRUST_COMPARING);
  index.clearLost();
}

/** Without a watch changes from outside are not told, so nothing is trusted. */
function publish(tree: Tree, index: IndexWriter, snapshot: ArrayBuffer): void {
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
  readonly physical: TreeNames;
  /** Directories that are watched only since they were listed. */
  readonly unseen: readonly string[];
}

/** Steps 1 and 2. A directory must be watched before it is listed, or a change between the two is lost. */
async function lookAround(tree: Tree, listed: Survey | undefined): Promise<Surroundings> {
  for (let attempt = 1; ; attempt++) {
    await tree.watch.drain();
    const snapshot = tree.marks.snapshot();
    tree.watch.renew(snapshot);
    const isListed = attempt === 1 && listed !== undefined && isStillListed(tree, listed);
    const physical = isListed ? listed.physical : await listTree(tree);
    const unseen = tree.watch.cover(directoriesOf(tree, physical));
    if (unseen.length > 0 && attempt < SCAN_ATTEMPTS) continue;
    const whiteouts = settledWhiteouts(tree);
    for (const key of unseen) physical.incomplete.add(key);
    return { snapshot, whiteouts, physical, unseen };
  }
}

/** Known directories whose COMPLETE flag changes although their entry may not. */
function changedCompleteness(tree: Tree, physical: TreeNames): string[] {
  if (tree.index === undefined) return [];
  const changed: string[] = [];
  for (const key of tree.incomplete) if (!physical.incomplete.has(key)) changed.push(key);
  for (const key of physical.incomplete) if (!tree.incomplete.has(key)) changed.push(key);
  return changed.filter((key) => key === "" || physical.names.has(key));
}

/**
 * Stubs that are gone, or are entries of the manifest now (a request may have put one there since); a stub has nothing below
 * it in the index. True: there were some.
 */
function removeOldStubs(tree: Tree, physical: TreeNames): boolean {
  const old = [...tree.stubs.keys()].filter((key) => !physical.stubs.has(key));
  for (const key of old) putIndex(tree, { key, record: tree.manifest.find(key) });
  return old.length > 0;
}

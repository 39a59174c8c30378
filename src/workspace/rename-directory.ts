/**
 * A directory and everything below it get another name. Between the rename on disk and that of the entries there must be
 * nothing that a kill could leave behind: physical files would be at the new name, virtual ones at the old. So
 *
 *   1. the intent is in the journal: which directory (inode, entry) goes where;
 *   2. rename(2) and the index, at one moment for programs: one that finds no virtual file under a name would make a new file;
 *   3. one record of the manifest, without giving up the turn, so that nobody is answered in between;
 *   4. the intent is taken back with the same write.
 *
 * Who opens the workspace after a kill looks which of the two names the inode has, and moves the entries if it has the new one.
 */
import { mkdirSync, renameSync } from "node:fs";
import type { ManifestChange, ManifestRecord } from "../manifest/manifest.js";
import { VriftError, toVriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { lookAtKey, lookPhysical, nameOf, parentKey } from "./physical.js";
import { backedRecord, isDir, isVirtual } from "./records.js";
import type { KeyState } from "./refresh.js";
import { changesBelow } from "./refresh.js";
import type { Change, Tree } from "./tree.js";
import { parentId, putIndex } from "./tree.js";

/** Name of the intent among the manifest's private facts. */
const INTENT = "renaming";

interface Intent {
  readonly from: string;
  readonly to: string;
  /** Decimal: inode number of the directory, and identity of its entry. */
  readonly ino: string;
  readonly id: string;
}

export async function renameDirectory(
  tree: Tree,
  from: string,
  to: string,
  { record, physical }: KeyState,
  target: KeyState,
): Promise<ManifestRecord> {
  if (record === undefined || physical === undefined) throw new VriftError("ENOENT", `${from} is not there`);
  const replaced = replaceable(tree, to, target);
  for (const key of tree.foreign.keys)
    if (key.startsWith(`${from}/`)) throw new VriftError("EBUSY", `${from} holds ${key}, which is in use`);
  tree.index?.prepareMove(from, to);
  const intent: Intent = { from, to, ino: String(physical.ino), id: String(record.id) };
  await tree.manifest.setMeta(INTENT, JSON.stringify(intent));
  try {
    moveNames(tree, from, to, replaced);
  } catch (error) {
    await tree.manifest.setMeta(INTENT, "");
    if (isErrno(error, "EEXIST")) throw new VriftError("ENOTEMPTY", `${to} is not empty`, { cause: error });
    throw error;
  }
  let moved: ManifestRecord;
  try {
    moved = backedRecord(record.id, lookPhysical(`${tree.root}/${to}`) ?? physical);
    putIndex(tree, { key: to, record: moved });
    const move = moveChanges(tree, from, to, replaced);
    const put: ManifestChange = { type: "put", parent: parentId(tree, to), name: nameOf(to), record: moved };
    await Promise.all([tree.manifest.apply([...move, put]), tree.manifest.setMeta(INTENT, "")]);
  } catch (error) {
    tree.held.unrest++;
    takeBack(tree, from, to, record, target);
    throw toVriftError(error);
  }
  tree.index?.setTransaction(tree.manifest.sequence);
  tree.onIndexed();
  return moved;
}

/** Moves the entries of a directory whose rename was killed after the kernel had done its part. Before the first comparison. */
export async function finishRename(tree: Tree): Promise<void> {
  const intent = parseIntent(tree.manifest.getMeta(INTENT));
  if (intent === undefined) return;
  const { from, to, ino, id } = intent;
  const record = tree.manifest.find(from);
  const arrived = lookAtKey(tree.root, to);
  const isMoved =
    arrived?.type === "dir" && String(arrived.ino) === ino && lookAtKey(tree.root, from)?.ino !== arrived.ino;
  const parent = parentKey(to) === "" ? undefined : tree.manifest.find(parentKey(to));
  const hasParent = parentKey(to) === "" || (parent !== undefined && isDir(parent));
  if (isMoved && hasParent && record !== undefined && String(record.id) === id) {
    const replaced = tree.manifest.find(to);
    const below = replaced === undefined ? [] : [...changesBelow(tree, to, replaced), gone(tree, to)];
    await tree.manifest.apply(moveChanges(tree, from, to, below));
    tree.log.info("finished a rename", { root: tree.root, from, to });
  }
  await tree.manifest.setMeta(INTENT, "");
}

/** Entries of an empty directory that the new one takes the place of. ENOTDIR, ENOTEMPTY. */
function replaceable(tree: Tree, to: string, { record, physical }: KeyState): Change[] {
  if (physical !== undefined ? physical.type !== "dir" : record !== undefined && isVirtual(record))
    throw new VriftError("ENOTDIR", `${to} is not a directory`);
  if (record === undefined) return [];
  const below = changesBelow(tree, to, record);
  for (const { key } of below) {
    const child = tree.manifest.find(key);
    if (child !== undefined && isVirtual(child))
      throw new VriftError("ENOTEMPTY", `${to} is not empty: it holds ${key}`);
  }
  return [...below, gone(tree, to)];
}

function gone(tree: Tree, key: string): Change {
  return { parent: parentId(tree, key), key, record: undefined };
}

function moveChanges(tree: Tree, from: string, to: string, replaced: readonly Change[]): ManifestChange[] {
  tree.held.unrest++;
  const removed = replaced.map(({ parent, key }): ManifestChange => ({
    type: "remove",
    parent,
    name: nameOf(key),
  }));
  const [parent, toParent] = [parentId(tree, from), parentId(tree, to)];
  return [...removed, { type: "move", parent, name: nameOf(from), toParent, toName: nameOf(to) }];
}

/** The names on disk, in the index, and what else is known by key. What rename(2) says, and then nothing has changed. */
function moveNames(tree: Tree, from: string, to: string, replaced: readonly Change[]): void {
  const isBelow = (key: string, directory: string): boolean =>
    key === directory || key.startsWith(`${directory}/`);
  const disk = { from: `${tree.root}/${from}`, to: `${tree.root}/${to}` };
  // Nothing of this is on disk any more, or rename(2) will refuse.
  const stale = replaced.filter(({ key }) => key !== to);
  const staleStubs = [...tree.stubs].filter(([key]) => isBelow(key, to));
  for (const { key } of [...stale, ...staleStubs.map(([key]) => ({ key }))].sort(
    (a, b) => b.key.length - a.key.length,
  ))
    putIndex(tree, { key, record: undefined });
  try {
    if (tree.index === undefined) renameSync(disk.from, disk.to);
    else tree.index.move(from, to, disk);
  } catch (error) {
    for (const { key } of stale.toReversed()) putIndex(tree, { key, record: tree.manifest.find(key) });
    for (const [key, value] of staleStubs) tree.index?.put(key, value);
    throw error;
  }
  const rekey = (key: string): string => (isBelow(key, from) ? to + key.slice(from.length) : key);
  tree.stubs = new Map(
    [...tree.stubs].filter(([key]) => !isBelow(key, to)).map(([key, value]) => [rekey(key), value] as const),
  );
  tree.incomplete = new Set([...tree.incomplete].filter((key) => !isBelow(key, to)).map(rekey));
}

/** The manifest could not take it (a full disk), or the new name cannot be looked at: everything is as it was, as far as the disk allows; resync does the rest. */
function takeBack(tree: Tree, from: string, to: string, record: ManifestRecord, target: KeyState): void {
  try {
    moveNames(tree, to, from, []);
    if (target.physical !== undefined) mkdirSync(`${tree.root}/${to}`, target.physical.mode);
  } catch (error) {
    tree.index?.fellBehind();
    tree.log.error("a rename could not be taken back", error, { root: tree.root, from, to });
    return;
  }
  putIndex(tree, { key: from, record });
  if (target.record !== undefined) putIndex(tree, { key: to, record: target.record });
}

function parseIntent(text: string | undefined): Intent | undefined {
  if (text === undefined || text === "") return undefined;
  const { from, to, ino, id } = JSON.parse(text) as Partial<Record<keyof Intent, unknown>>;
  if (typeof from !== "string" || typeof to !== "string") return undefined;
  return typeof ino === "string" && typeof id === "string" ? { from, to, ino, id } : undefined;
}

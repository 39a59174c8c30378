/** The table of states.ts for single keys: before a mutation, so that it starts from what is true now. */
import { VriftError } from "../platform/errors.js";
import { isKernelName } from "./kernel-names.js";
import type { PhysicalName } from "./physical.js";
import { lookAtKey, lookPhysical, parentKey, physicalPath } from "./physical.js";
import { backedRecord, isDir, isVirtual } from "./records.js";
import { decide } from "./states.js";
import type { Change, Tree } from "./tree.js";
import { commit, parentId } from "./tree.js";
import type { ManifestRecord } from "../manifest/manifest.js";
import type { Whiteout } from "./whiteouts.js";
import { isWhitedOut, removeWhiteout, settledWhiteouts } from "./whiteouts.js";

/** What a key is now. */
export interface KeyState {
  readonly record: ManifestRecord | undefined;
  readonly physical: PhysicalName | undefined;
}

/** EACCES for names that are left to the kernel; also when a directory above is. */
export function assertOwnName(tree: Tree, key: string): void {
  for (let name = key; name !== ""; name = parentKey(name)) {
    const physical = lookAtKey(tree.root, name);
    const kernel = isKernelName(name, physical ?? { type: "file", ...tree.owner }, tree.owner, tree.foreign);
    if (kernel) throw new VriftError("EACCES", `${name} is left to the kernel; change the file itself`);
  }
}

/** Folds the whiteouts that programs made since the last resync, as resync does: entry, index, whiteout. */
export async function foldWhiteouts(tree: Tree): Promise<void> {
  const whiteouts = settledWhiteouts(tree);
  if (whiteouts.length === 0) return;
  const keys = new Set(whiteouts.map((whiteout) => whiteout.key));
  for (const key of keys) {
    await refreshKey(tree, key, true);
    const record = tree.manifest.find(key);
    if (record !== undefined && isDir(record)) await foldBelow(tree, key, record, keys);
  }
  endWhiteouts(tree, whiteouts);
}

/** A directory that was not known: its names are not listed until the next resync, and changes in it are told from now on. */
export function beginDirectory(tree: Tree, key: string, physical: PhysicalName): void {
  tree.incomplete.add(key);
  tree.watch.add(key, physical.ino);
}

/**
 * Removes settled whiteouts whose entries are gone. One that still hides an entry stays: its directory could not be listed,
 * because it was moved away in that moment, say.
 */
export function endWhiteouts(tree: Tree, whiteouts: readonly Whiteout[]): void {
  for (const whiteout of whiteouts) if (!hides(tree, whiteout.key)) removeWhiteout(whiteout);
}

/** Whether something virtual is at a key, or below it. */
function hides(tree: Tree, key: string): boolean {
  const record = tree.manifest.find(key);
  if (record === undefined || !isDir(record)) return record !== undefined && isVirtual(record);
  for (const [name] of tree.manifest.children(record.id)) if (hides(tree, `${key}/${name}`)) return true;
  return false;
}

async function foldBelow(
  tree: Tree,
  key: string,
  record: ManifestRecord,
  keys: ReadonlySet<string>,
): Promise<void> {
  for (const [name, child] of tree.manifest.children(record.id)) {
    const childKey = key === "" ? name : `${key}/${name}`;
    if (isDir(child)) await foldBelow(tree, childKey, child, keys);
    else if (isVirtual(child)) await refreshKey(tree, childKey, isWhitedOut(keys, childKey));
  }
}

/**
 * Applies the table to one key whose directory is in the manifest. A directory that is gone keeps its entry: what is below
 * it is resync's to judge.
 */
export async function refreshKey(tree: Tree, key: string, whiteout: boolean): Promise<KeyState> {
  const record = tree.manifest.find(key);
  const physical = lookAtKey(tree.root, key);
  const decision = decide(record, physical, whiteout);
  if (decision === "none" || decision === "keep" || decision === "pending") return { record, physical };
  if (record === undefined && tree.manifest.find(parentKey(key)) === undefined) return { record, physical };
  const parent = parentId(tree, key);
  if (record !== undefined && isDir(record) && physical?.type !== "dir") {
    if (physical === undefined) return { record, physical };
    await commit(tree, [...changesBelow(tree, key, record), { parent, key, record: undefined }]);
    return refreshKey(tree, key, whiteout);
  }
  const next =
    decision === "remove" ? undefined : backedRecord(record?.id ?? tree.manifest.nextId(), physical!);
  const isNew = record === undefined || !isDir(record);
  if (next !== undefined && isDir(next) && isNew) beginDirectory(tree, key, physical!);
  await commit(tree, [{ parent, key, record: next }]);
  return { record: next, physical };
}

/**
 * Makes sure that every directory above `key` is real and in the manifest. `make`: missing ones are made (0755).
 * ENOTDIR for what is something else, ENOENT without `make`.
 */
export async function ensureParents(tree: Tree, key: string, make: (path: string) => void): Promise<void> {
  const parent = parentKey(key);
  if (key === "" || parent === "") return;
  await ensureParents(tree, parent, make);
  await ensureDirectory(tree, parent, make);
}

/**
 * The same for who has made sure of those further up: the directory of `key` alone, which must be there. EACCES when it is left to the
 * kernel.
 */
export async function ensureParent(tree: Tree, key: string): Promise<void> {
  const parent = parentKey(key);
  if (parent === "") return;
  const physical = lookAtKey(tree.root, parent);
  if (isKernelName(parent, physical ?? { type: "file", ...tree.owner }, tree.owner, tree.foreign))
    throw new VriftError("EACCES", `${parent} is left to the kernel; change the file itself`);
  await ensureDirectory(tree, parent, () => undefined);
}

async function ensureDirectory(tree: Tree, parent: string, make: (path: string) => void): Promise<void> {
  const path = physicalPath(tree.root, parent);
  if (path === undefined) throw new VriftError("ENOTDIR", `${parentKey(parent)} is not a directory`);
  const record = tree.manifest.find(parent);
  if (record !== undefined && isVirtual(record))
    throw new VriftError("ENOTDIR", `${parent} is not a directory`);
  if (lookPhysical(path) === undefined) make(path);
  const physical = lookPhysical(path);
  if (physical === undefined) throw new VriftError("ENOENT", `${parent} is not there`);
  if (physical.type !== "dir") throw new VriftError("ENOTDIR", `${parent} is not a directory`);
  await refreshKey(tree, parent, false);
}

/**
 * Puts an entry under a key (or none). Where a directory was known that is not there any more, all that was known below it ends: the
 * identity of an entry is that of its children's directory.
 */
export function putChanges(
  tree: Tree,
  key: string,
  before: ManifestRecord | undefined,
  record: ManifestRecord | undefined,
): Change[] {
  const isReplaced = before !== undefined && isDir(before) && (record === undefined || !isDir(record));
  const ended = isReplaced ? changesBelow(tree, key, before) : [];
  return [...ended, { parent: parentId(tree, key), key, record }];
}

/**
 * EISDIR when a directory is there, or is known and holds virtual files: somebody outside removed or moved it, and they are not
 * ended by that (resync.ts).
 */
export function assertNoDirectory(tree: Tree, key: string, { record, physical }: KeyState): void {
  if (
    physical !== undefined
      ? physical.type === "dir"
      : record !== undefined && isDir(record) && hides(tree, key)
  )
    throw new VriftError("EISDIR", `${key} is a directory`);
}

/** Removals of every entry below a directory, deepest first. */
export function changesBelow(tree: Tree, key: string, record: ManifestRecord): Change[] {
  const changes: Change[] = [];
  for (const [name, child] of tree.manifest.children(record.id)) {
    const childKey = key === "" ? name : `${key}/${name}`;
    if (isDir(child)) changes.push(...changesBelow(tree, childKey, child));
    changes.push({ parent: record.id, key: childKey, record: undefined });
  }
  return changes;
}

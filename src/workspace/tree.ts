/** What the parts of an open workspace share. Changes to it go through `commit`, one at a time (Workspace's queue). */
import type {
  EntryId,
  Manifest,
  ManifestChange,
  ManifestMeta,
  ManifestRecord,
} from "../manifest/manifest.js";
import { ROOT_ID, ROOT_PARENT } from "../manifest/manifest.js";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import type { Log } from "../platform/log.js";
import type { IndexValue } from "../platform/native.js";
import type { Home, ProjectPaths, WorkspacePaths } from "../platform/paths.js";
import type { ContentStore, Roots } from "../store/store.js";
import type { IndexName, IndexWriter } from "../vdir/index-file.js";
import type { Marks } from "../vdir/marks.js";
import type { Held } from "./held-content.js";
import { namesContent } from "./held-content.js";
import type { ForeignNames } from "./kernel-names.js";
import { nameOf, parentKey } from "./physical.js";
import type { OwnerLock } from "./owner-lock.js";
import type { Quota } from "./quota.js";
import { assertRoomForEntries } from "./quota.js";
import type { PolicyOwner } from "./policy.js";
import { BACKED, YOUNG, isDir, isVirtual, toIndexValue } from "./records.js";
import type { Uninjected } from "./uninjected.js";
import type { TreeWatch } from "./watch.js";
import type { WorkspaceKind } from "./workspace.js";

export interface Tree {
  readonly home: Home;
  /** Real path. */
  readonly root: string;
  readonly id: string;
  readonly kind: WorkspaceKind;
  readonly owner: PolicyOwner;
  readonly paths: WorkspacePaths;
  readonly project: ProjectPaths;
  readonly manifest: Manifest & ManifestMeta;
  readonly store: ContentStore;
  readonly roots: Roots;
  readonly marks: Marks;
  /** undefined until the tree was compared for the first time. */
  index: IndexWriter | undefined;
  watch: TreeWatch;
  /** Read again by every full round. */
  foreign: ForeignNames;
  /** Names only the kernel answers for; in the index, not in the manifest. */
  stubs: ReadonlyMap<string, IndexValue>;
  /** Directories whose names are not all known: never COMPLETE. */
  incomplete: Set<string>;
  readonly virtual: VirtualCount;
  readonly held: Held;
  /** Programs of runs that move no marks. */
  readonly uninjected: Uninjected;
  readonly quota: Quota;
  readonly log: Log;
  /** Of the project, given up when the tree is closed. */
  readonly lock: OwnerLock | undefined;
  /** Told after the index changed. */
  onIndexed: () => void;
}

/** Kept by `commit`, so that nobody has to count. */
export interface VirtualCount {
  entries: number;
  bytes: bigint;
}

/** A name and its new entry; `undefined` removes it. */
export interface Change {
  readonly parent: EntryId;
  readonly key: string;
  readonly record: ManifestRecord | undefined;
}

/** Entries in one journal record: a bound on memory, and the event loop gets its turns. */
const BATCH = 4096;

/**
 * Manifest first (it survives a kill when the promise resolves), then the index. In order: what is below a removed directory
 * is removed before it, a directory is put before what is in it.
 */
export async function commit(tree: Tree, changes: readonly Change[]): Promise<void> {
  for (let start = 0; start < changes.length; start += BATCH) {
    const batch = changes.slice(start, start + BATCH);
    const before = batch.map(({ parent, key }) => tree.manifest.get(parent, nameOf(key)));
    assertRoomForEntries(tree, newEntries(batch, before));
    // The walk that rewrites the list may be past the place of what is put here, and not yet at the one it comes from.
    const added = tree.roots.isBeingReplaced ? tree.roots.add(batch.flatMap(hashOf)) : undefined;
    try {
      await Promise.all([added, tree.manifest.apply(batch.map(toManifestChange))]);
    } catch (error) {
      tree.held.unrest++;
      throw error;
    }
    batch.forEach(({ record }, i) => {
      recount(tree.virtual, before[i], -1);
      recount(tree.virtual, record, 1);
      if (before[i] !== undefined && namesContent(before[i])) tree.held.naming--;
      if (record !== undefined && namesContent(record)) tree.held.naming++;
    });
    for (const change of batch) putIndex(tree, change);
  }
  tree.index?.setHeld(tree.roots.size);
  tree.index?.setTransaction(tree.manifest.sequence);
  if (changes.length > 0) tree.onIndexed();
}

function newEntries(batch: readonly Change[], before: readonly (ManifestRecord | undefined)[]): number {
  let more = 0;
  batch.forEach(({ record }, i) => {
    more += Number(record !== undefined) - Number(before[i] !== undefined);
  });
  return more;
}

function hashOf({ record }: Change): Uint8Array[] {
  return record !== undefined && namesContent(record) ? [record.hash] : [];
}

export function recount(count: VirtualCount, record: ManifestRecord | undefined, by: 1 | -1): void {
  if (record === undefined || !isVirtual(record)) return;
  count.entries += by;
  count.bytes += BigInt(by) * record.size;
}

export function putIndex(tree: Tree, change: Pick<Change, "key" | "record">): void {
  try {
    putIndexNow(tree, change);
  } catch (error) {
    // A directory that ends may have had names that only the kernel knew: they are in the index and not in the manifest.
    if (!isErrno(error, "ENOTEMPTY") || !endStubsBelow(tree, change.key)) throw error;
    putIndexNow(tree, change);
  }
}

function putIndexNow(tree: Tree, { key, record }: Pick<Change, "key" | "record">): void {
  try {
    if (record !== undefined) tree.index?.put(key, indexValueOf(tree, key, record));
    else if (tree.index?.find(key) !== undefined) tree.index.remove(key);
  } catch (error) {
    // A full disk, when the file has to grow. The manifest has the change.
    if (!isErrno(error, "ENOTEMPTY")) tree.index?.fellBehind();
    throw error;
  }
}

/** In a solid tree the name itself is looked at again before the index answers for it (settling.ts). */
function indexValueOf(tree: Tree, key: string, record: ManifestRecord): IndexValue {
  const value = toIndexValue(record, !tree.incomplete.has(key));
  const isYoung = tree.kind === "solid" && (record.flags & BACKED) !== 0;
  return isYoung ? { ...value, flags: value.flags | YOUNG } : value;
}

/** False: there were none. */
function endStubsBelow(tree: Tree, directory: string): boolean {
  const kept = new Map(tree.stubs);
  for (const key of tree.stubs.keys()) {
    if (!key.startsWith(`${directory}/`)) continue;
    if (tree.index?.find(key) !== undefined) tree.index.remove(key);
    kept.delete(key);
  }
  const hadSome = kept.size !== tree.stubs.size;
  tree.stubs = kept;
  return hadSome;
}

function toManifestChange({ parent, key, record }: Change): ManifestChange {
  const name = nameOf(key);
  return record === undefined ? { type: "remove", parent, name } : { type: "put", parent, name, record };
}

/** Everything the index shows: manifest entries, the root among them, then stubs. */
export function* indexNames(tree: Pick<Tree, "manifest" | "stubs" | "incomplete">): Generator<IndexName> {
  for (const [key, record] of tree.manifest.entries()) {
    yield [key, toIndexValue(record, !tree.incomplete.has(key))];
  }
  yield* tree.stubs;
}

/** Identity of the directory a key is in. ENOENT and ENOTDIR name the component. */
export function parentId(tree: Pick<Tree, "manifest">, key: string): EntryId {
  if (key === "") return ROOT_PARENT;
  const parent = parentKey(key);
  if (parent === "") return ROOT_ID;
  const record = tree.manifest.find(parent);
  if (record === undefined) throw new VriftError("ENOENT", `${parent} is not in the workspace`);
  if (!isDir(record)) throw new VriftError("ENOTDIR", `${parent} is not a directory`);
  return record.id;
}

/** Everything acknowledged is durable, and programs are told that nobody keeps the index any more. */
export async function closeTree(tree: Tree): Promise<void> {
  try {
    await tree.store.sync();
    await tree.manifest.sync();
  } finally {
    tree.watch.stop();
    tree.index?.close();
    tree.index = undefined;
    tree.roots.close();
    try {
      await tree.manifest.close();
    } finally {
      tree.lock?.release();
    }
  }
}

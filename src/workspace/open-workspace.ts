/**
 * Opens a project: identity, manifest, roots; then reads are answered, and meanwhile comes the index, and the tree compared with it. The
 * order makes a kill at any moment harmless: nothing is trusted before the index is in place and `seen` is published, and the
 * comparison can be repeated any number of times.
 */
import { closeSync, constants as fs, lstatSync, openSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Manifest, ManifestMeta } from "../manifest/manifest.js";
import { openManifest } from "../manifest/lmdb-manifest.js";
import { isErrno, makeDirectory } from "../platform/files.js";
import { SETTLE_SECONDS } from "../platform/limits.js";
import type { Log } from "../platform/log.js";
import { native } from "../platform/native.js";
import type { IndexValue } from "../platform/native.js";
import type { Home } from "../platform/paths.js";
import { projectPaths, workspacePaths } from "../platform/paths.js";
import type { ContentStore } from "../store/store.js";
import { contentOfIndex } from "../vdir/index-content.js";
import { IndexWriter } from "../vdir/index-file.js";
import type { IndexOptions } from "../vdir/index-file.js";
import { constants } from "../vdir/layout.js";
import { Marks, makeStripes } from "../vdir/marks.js";
import { HeldContent } from "./held-content.js";
import { makeProjectDirectories } from "./identity.js";
import type { CommitSettings } from "./committer.js";
import { foreignNames } from "./kernel-names.js";
import { makeIndex } from "./make-index.js";
import type { OwnerLock } from "./owner-lock.js";
import { ProjectWorkspace } from "./project-workspace.js";
import { withIgnoreRules } from "./ignore-rules.js";
import { DEFAULT_QUOTA, type Quota } from "./quota.js";
import { finishRename } from "./rename-directory.js";
import { resync } from "./resync.js";
import { removeOrphans } from "./staging.js";
import type { Tree } from "./tree.js";
import { closeTree } from "./tree.js";
import type { TreeNames } from "./tree-names.js";
import { survey } from "./tree-names.js";
import { Uninjected } from "./uninjected.js";
import { noWatch, watchTree } from "./watch.js";
import type { WorkspaceKind } from "./workspace.js";

const KERNEL = Number(constants.ENTRY_KERNEL);
/** Entries between two turns of the event loop. */
const LOOKED_AT = 32_768;

export interface OpenOptions {
  readonly home: Home;
  readonly store: ContentStore;
  /** Real path of the project's directory. */
  readonly root: string;
  readonly id: string;
  readonly kind: WorkspaceKind;
  readonly log: Log;
  /** Of the project: the workspace's from now on, also when opening fails. Without one the caller keeps it. */
  readonly lock?: OwnerLock | undefined;
  /** Watch the tree, so that the index may answer. Default: no, as for a process that ends soon. */
  readonly watch?: boolean;
  /** What becomes of files that programs write in a phantom tree. Default: nothing by itself, as for a process that ends soon. */
  readonly commit?: CommitSettings;
  /** Milliseconds after its last change from which stat of a file of a solid tree is answered (docs/solid.md). */
  readonly settleMs?: number;
  /** Default: as built in. */
  readonly quota?: Quota;
  /** The manifest refuses changes, and another process that opens the workspace would go on (lmdb-manifest.ts). */
  readonly onSpent?: () => void;
}

/**
 * The caller holds the project's lock, or gives it. Reads are answered when it resolves; changes wait for `ready`: then the index is
 * published and the tree compared. When `ready` rejects the workspace is still to be closed.
 */
export async function openWorkspace(options: OpenOptions): Promise<ProjectWorkspace> {
  let tree: Tree;
  try {
    tree = await openTree(options);
  } catch (error) {
    options.lock?.release();
    throw error;
  }
  try {
    // It changes the manifest, and then an index of before is not the manifest's any more.
    await finishRename(tree);
  } catch (error) {
    await closeTree(tree).catch((closing: unknown) =>
      tree.log.error("closing failed", closing, { root: tree.root }),
    );
    throw error;
  }
  const { watch = false, settleMs = SETTLE_SECONDS * 1000 } = options;
  const begin = (onChange: () => void): Promise<TreeNames> => bringUp(tree, watch, onChange);
  return new ProjectWorkspace(tree, begin, settleMs, options.commit);
}

/** The index, current and published; the tree compared. Resolves with what was in it. */
async function bringUp(tree: Tree, watch: boolean, onChange: () => void): Promise<TreeNames> {
  const watched = watch ? await survey(tree) : undefined;
  const { index, kept } = await keptOrMade(tree, watched?.names ?? 0);
  try {
    const isSolid = tree.kind === "solid";
    if (isSolid) index.unsettle(null);
    const isTold = !isSolid || index.learn();
    if (watched !== undefined && isTold) {
      const { root, paths } = tree;
      const { run, marks } = paths;
      tree.watch = watchTree({ root, run, marks, mounts: isSolid, index: index.handle, onChange });
      tree.watch.cover(watched.directories);
    } else if (!isTold) tree.watch = noWatch("changes on this file system are not all told to this machine");
    tree.virtual.entries = index.header.virtualEntries;
    tree.virtual.bytes = index.header.virtualBytes;
    await holdContent(tree, index, kept);
  } catch (error) {
    index.close();
    throw error;
  }
  tree.index = index;
  const listed = tree.kind === "solid" ? watched : undefined;
  const { report, physical, removeWhiteouts } = await resync(tree, true, listed);
  index.publish();
  removeWhiteouts();
  const { root, id, kind } = tree;
  const distrust = tree.watch.failure ?? "";
  tree.log.info("opened workspace", {
    root,
    id,
    kind,
    entries: tree.manifest.count(),
    ...report,
    distrust,
    rebuilt: !kept,
  });
  return physical;
}

/**
 * The index of last time, when it says what the manifest says: then only what has changed since is left to do. Else a new one. Every
 * entry of it was looked at.
 */
async function keptOrMade(tree: Tree, names: number): Promise<{ index: IndexWriter; kept: boolean }> {
  const kept = IndexWriter.reopen(tree.paths.index, indexOptions(tree), tree.manifest.sequence);
  if (kept !== undefined) {
    try {
      await lookAtEntries(tree, kept);
      return { index: kept, kept: true };
    } catch (error) {
      kept.close();
      if (!isErrno(error, "EINVAL")) throw error;
      tree.log.warn("the index was damaged, and is made again", { root: tree.root });
    }
  }
  const made = await makeIndex(tree, indexOptions(tree), names);
  await lookAtEntries(tree, made);
  return { index: made, kept: false };
}

async function lookAtEntries(tree: Tree, index: IndexWriter): Promise<void> {
  const stubs = new Map<string, IndexValue>();
  tree.incomplete = new Set();
  tree.held.naming = await index.survey(false, (entry) => {
    if ((entry.flags & KERNEL) !== 0) stubs.set(entry.key, entry);
    else tree.incomplete.add(entry.key);
  });
  tree.stubs = stubs;
}

async function openTree(options: OpenOptions): Promise<Tree> {
  const { home, store, root, id, kind, log, lock, onSpent, quota = DEFAULT_QUOTA } = options;
  const paths = workspacePaths(home, id);
  makeDirectory(paths.db);
  makeDirectory(paths.run);
  if (kind === "phantom") prepareProject(root, log);
  makeStripes(paths.run);
  const { uid, gid, dev } = lstatSync(root, { bigint: true });
  const marks = Marks.open(paths.marks);
  const roots = await store.roots(id);
  const manifest = await openManifest(paths.db, {
    beforeCommit: () => syncContent(store, root, dev),
    onDamage: (error, details) => log.error("journal damaged", error, { root, ...details }),
    onSpent: () => onSpent?.(),
  });
  await rememberPlace(manifest, root, kind);
  return {
    home,
    root,
    id,
    kind,
    owner: { uid: Number(uid), gid: Number(gid), dev },
    paths,
    project: projectPaths(root),
    manifest,
    store,
    roots,
    marks,
    index: undefined,
    watch: noWatch("it is not watched"),
    foreign: withIgnoreRules(kind, root, foreignNames(home, root)),
    stubs: new Map(),
    incomplete: new Set(),
    virtual: { entries: 0, bytes: 0n },
    held: { naming: 0, exact: undefined, unrest: 0 },
    uninjected: new Uninjected({ paths }),
    quota,
    log,
    lock,
    onIndexed: () => undefined,
  };
}

/** Entries say what is in blobs and in files of the tree: both are on disk before an entry is. */
async function syncContent(store: ContentStore, root: string, dev: bigint): Promise<void> {
  await store.sync();
  if (dev === store.dev) return;
  const fd = openSync(root, fs.O_RDONLY | fs.O_DIRECTORY);
  try {
    await native.syncfs(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * What entries name is in the roots. An index of last time says how long their list was when it was so: then nothing is read unless
 * the list has become shorter, or is much too long.
 */
async function holdContent(tree: Tree, index: IndexWriter, kept: boolean): Promise<void> {
  const content = new HeldContent(tree);
  if (!kept || !content.isAsExpected(index.header.heldHashes)) {
    let seen = 0;
    for (const named of contentOfIndex(index.buffer)) {
      if (++seen % LOOKED_AT === 0) await nextTurn();
      content.take(named);
    }
    await content.settle();
  }
  index.setHeld(tree.roots.size);
}

function indexOptions(tree: Tree): IndexOptions {
  const { dev, ino } = lstatSync(tree.root, { bigint: true });
  return {
    workspaceId: tree.id,
    kind: Number(tree.kind === "phantom" ? constants.KIND_PHANTOM : constants.KIND_SOLID),
    rootPath: tree.root,
    rootDev: dev,
    rootIno: ino,
    sourcePath: tree.store.path,
    sourceDev: tree.store.dev,
    uid: tree.owner.uid,
    gid: tree.owner.gid,
    onReplaced: ({ handle }) => tree.watch.indexReplaced(handle),
  };
}

function prepareProject(root: string, log: Log): void {
  makeProjectDirectories(root);
  const removed = removeOrphans(projectPaths(root).staging);
  if (removed > 0) log.info("removed staging files of dead processes", { root, removed });
}

async function rememberPlace(
  manifest: Manifest & ManifestMeta,
  root: string,
  kind: WorkspaceKind,
): Promise<void> {
  if (manifest.getMeta("root") !== root) await manifest.setMeta("root", root);
  if (manifest.getMeta("kind") !== kind) await manifest.setMeta("kind", kind);
}

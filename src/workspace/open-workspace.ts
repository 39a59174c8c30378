/**
 * Opens a project: identity, manifest, roots, then the tree compared with the manifest, then the index. The order makes a
 * kill at any moment harmless: nothing is trusted before the new index is in place and `seen` is published, and the
 * comparison can be repeated any number of times.
 */
import { closeSync, constants as fs, lstatSync, openSync, statSync } from "node:fs";
import { sep } from "node:path";
import type { Manifest, ManifestMeta } from "../manifest/manifest.js";
import { openManifest } from "../manifest/lmdb-manifest.js";
import { VriftError } from "../platform/errors.js";
import { makeDirectory } from "../platform/files.js";
import type { Log } from "../platform/log.js";
import { native } from "../platform/native.js";
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
import { foreignKeys } from "./kernel-names.js";
import type { OwnerLock } from "./owner-lock.js";
import { ProjectWorkspace } from "./project-workspace.js";
import { finishRename } from "./rename-directory.js";
import { publish, resync } from "./resync.js";
import { removeOrphans } from "./staging.js";
import type { Tree } from "./tree.js";
import { closeTree, indexNames, recount } from "./tree.js";
import { survey } from "./tree-names.js";
import { noWatch, watchTree } from "./watch.js";
import type { WorkspaceKind } from "./workspace.js";

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
  /** Watch a phantom tree, so that the index may answer. Default: no, as for a process that ends soon. */
  readonly watch?: boolean;
  /** The manifest refuses changes, and another process that opens the workspace would go on (lmdb-manifest.ts). */
  readonly onSpent?: () => void;
}

/** The caller holds the project's lock, or gives it. */
export async function openWorkspace(options: OpenOptions): Promise<ProjectWorkspace> {
  const { root, kind, log } = options;
  let tree: Tree;
  try {
    tree = await openTree(options);
  } catch (error) {
    options.lock?.release();
    throw error;
  }
  let index: IndexWriter | undefined;
  try {
    // It changes the manifest, and then an index of before is not the manifest's any more.
    await finishRename(tree);
    const kept = keptIndex(tree);
    index = kept;
    await holdContent(tree, kept);
    const workspace = new ProjectWorkspace(tree);
    index = await prepareIndex(tree, kept, options.watch === true, () => workspace.scheduleResync());
    if (kept !== undefined) tree.index = index;
    const { report, snapshot, removeWhiteouts } = await resync(tree, true);
    if (kept === undefined) await fillIndex(tree, index, snapshot);
    tree.index = index;
    removeWhiteouts();
    const entries = tree.manifest.count();
    const distrust = tree.watch.failure ?? "";
    const rebuilt = kept === undefined;
    log.info("opened workspace", { root, id: tree.id, kind, entries, ...report, distrust, rebuilt });
    return workspace;
  } catch (error) {
    if (tree.index === undefined) index?.close();
    await closeTree(tree).catch((closing: unknown) => log.error("closing failed", closing, { root }));
    throw error;
  }
}

async function openTree({ home, store, root, id, kind, log, lock, onSpent }: OpenOptions): Promise<Tree> {
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
    watch: noWatch(kind === "solid" ? "a solid workspace is answered by the kernel" : "it is not watched"),
    foreign: foreignKeys(home, root),
    stubs: new Map(),
    incomplete: new Set(),
    virtual: { entries: 0, bytes: 0n },
    held: { naming: 0, exact: undefined, unrest: 0 },
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

/** One pass over all entries: of the index where it says what the manifest says, because it takes a tenth of the time. */
async function holdContent(tree: Tree, kept: IndexWriter | undefined): Promise<void> {
  const content = new HeldContent(tree);
  if (kept !== undefined) for (const named of contentOfIndex(kept.buffer)) content.take(named);
  else
    for (const [, record] of tree.manifest.entries()) {
      recount(tree.virtual, record, 1);
      content.take(record);
    }
  await content.settle();
}

/** The index of last time, when it says what the manifest says: then only what has changed since is left to do. */
function keptIndex(tree: Tree): IndexWriter | undefined {
  const kept = IndexWriter.reopen(tree.paths.index, indexOptions(tree), tree.manifest.sequence);
  if (kept === undefined) return undefined;
  tree.virtual.entries = kept.virtualEntries;
  tree.virtual.bytes = kept.virtualBytes;
  tree.stubs = kept.stubs;
  tree.incomplete = kept.incomplete;
  return kept.writer;
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

/** Everything into a new file, which gets its name then. */
async function fillIndex(tree: Tree, index: IndexWriter, snapshot: ArrayBuffer): Promise<void> {
  const names = indexNames(tree);
  const top = names.next();
  if (top.done !== true) index.update(...top.value);
  await index.fillInTurns(names);
  index.setTransaction(tree.manifest.sequence);
  publish(tree, index, snapshot);
  index.publish();
}

/**
 * The index of last time, or a new file without names, distrusted and not yet under its name; in a watched workspace the
 * watcher already knows it.
 */
async function prepareIndex(
  tree: Tree,
  kept: IndexWriter | undefined,
  watch: boolean,
  onChange: () => void,
): Promise<IndexWriter> {
  const watched = watch && tree.kind === "phantom" ? await survey(tree) : undefined;
  const expectedEntries = Math.max(tree.manifest.count(), (watched?.names ?? 0) + tree.virtual.entries);
  const index = kept ?? IndexWriter.create(tree.paths.index, { ...indexOptions(tree), expectedEntries });
  if (watched === undefined) return index;
  try {
    const { root, paths } = tree;
    tree.watch = watchTree({ root, run: paths.run, marks: paths.marks, index: index.handle, onChange });
    tree.watch.cover(watched.directories);
  } catch (error) {
    if (kept === undefined) index.close();
    throw error;
  }
  return index;
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

/** @throws VriftError for what cannot be a workspace. Returns the real path's facts. */
export function checkRoot(root: string, home: Home): void {
  if (root === "/") throw new VriftError("EINVAL", "/ cannot be a workspace");
  if (!statSync(root).isDirectory()) throw new VriftError("ENOTDIR", `${root} is not a directory`);
  for (const own of [home.root, home.source]) {
    if (root === own || root.startsWith(own + sep))
      throw new VriftError("EINVAL", `${root} belongs to vrift itself`);
  }
}

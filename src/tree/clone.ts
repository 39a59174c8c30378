/** `vrift clone`: a second workspace from the manifest of the first. No content of a virtual file is touched. */
import { join } from "node:path";
import { VriftError } from "../platform/errors.js";
import { unlinkIfPresent } from "../platform/files.js";
import { PROJECT_DIR } from "../platform/paths.js";
import { type ScanEntry, scanTree } from "../platform/scan.js";
import { assertNotRestoring } from "../workspace/restoring.js";
import type { AdoptEntry, WorkspaceInfo } from "../workspace/workspace.js";
import { checkDestination, makeDestination } from "./clone-destination.js";
import { markComplete } from "./clone-marker.js";
import type { TreeContext } from "./context.js";
import { TreeCopy, finishDirectory } from "./copy-tree.js";
import { type ImportSummary, importTree } from "./import-tree.js";
import { innerWorkspaces } from "./inner-workspaces.js";
import { recordBase } from "./record-base.js";
import { recover } from "../workspace/recover.js";
import { assertComplete, assertNotInsidePhantom, isPhantomRoot, realDirectory } from "./refusal.js";
import { shareCommitted } from "./share-committed.js";
import { statFile } from "../workspace/stat-file.js";
import { withTreeLock } from "../workspace/tree-lock.js";

export interface CloneSummary {
  /** The new workspace. */
  readonly workspace: WorkspaceInfo;
  readonly directories: number;
  /** Physical names copied, names an interrupted clone had copied, and bytes copied. */
  readonly copied: number;
  readonly alreadyThere: number;
  readonly bytes: bigint;
  /** Sockets and devices. */
  readonly skipped: number;
  /** Of a solid source: what was brought into the store for it. */
  readonly imported: ImportSummary | null;
}

const PAGE = 2000;

/** EINVAL, EEXIST: the destination cannot be one. VRIFT_ROOT_REFUSED: the source is a part of another workspace, or holds one. */
export async function clone(
  source: string,
  destination: string,
  context: TreeContext,
): Promise<CloneSummary> {
  const src = realDirectory(source);
  assertComplete(src);
  assertNotInsidePhantom(src);
  const dst = checkDestination(src, destination);
  if (!isPhantomRoot(src)) return await cloneSolid(src, dst, context);
  const workspace = await context.access.open(src);
  assertNotRestoring(context.home, workspace);
  return await withTreeLock(workspace, () => clonePhantom(src, dst, context));
}

/**
 * The virtual entries are registered before the physical names are listed: a program may write one at any moment, and
 * then it is in the list, or was in the entries, or both; the file wins in the clone as it does in the source.
 */
async function clonePhantom(src: string, dst: string, context: TreeContext): Promise<CloneSummary> {
  const { access, store, progress } = context;
  progress.begin("recover", 0, 0n);
  await recover(store, src);
  await access.sync(src);
  const skeleton = await scanSource(src, progress);
  makeDestination(src, dst);
  new TreeCopy(src, dst, skeleton.entries).makeDirectories();
  progress.begin("register", 0, 0n);
  if (isPhantomRoot(dst)) await registerAgain(src, dst, context);
  else await access.clone(src, dst);
  const source = await scanSource(src, progress);
  const shared = await shareCommitted(src, dst, source.entries, context);
  return await copyPhysical(src, dst, source, shared, context, null);
}

/** The destination of an interrupted clone is a workspace already: it gets the entries the source has now. */
async function registerAgain(src: string, dst: string, { access }: TreeContext): Promise<void> {
  for (let after = ""; ;) {
    const page = await access.entries(src, after, PAGE);
    if (page.length === 0) return;
    for (const { path } of page) unlinkIfPresent(join(dst, path)); // was physical in the source then
    const [refused] = await access.adopt(dst, page, "virtual");
    if (refused) throw new VriftError("EBUSY", `${join(dst, refused.path)}: ${refused.reason}`);
    after = page.at(-1)!.path;
  }
}

/** Its files are copied into the store and are virtual in the clone; the source is left as it is. */
async function cloneSolid(src: string, dst: string, context: TreeContext): Promise<CloneSummary> {
  const { access, progress } = context;
  const source = await scanSource(src, progress);
  makeDestination(src, dst);
  new TreeCopy(src, dst, source.entries).makeDirectories();
  await access.open(dst, { phantom: true });
  const record = (entries: readonly AdoptEntry[]): ReturnType<typeof access.adopt> =>
    access.adopt(dst, entries, "virtual");
  const { taken, summary } = await importTree(src, source.entries, context, record);
  return await copyPhysical(src, dst, source, taken, context, summary);
}

interface Source {
  readonly entries: readonly ScanEntry[];
  /** Of the root, before anything was made. */
  readonly mtimeNs: bigint;
}

async function scanSource(src: string, progress: TreeContext["progress"]): Promise<Source> {
  progress.begin("scan", 0, 0n);
  const mtimeNs = statFile(src)?.mtimeNs ?? 0n;
  const entries = (await scanTree(src, [PROJECT_DIR])).filter(({ key }) => key !== PROJECT_DIR);
  const [inner] = innerWorkspaces(src, entries);
  if (inner !== undefined) {
    // A copy would have its skeleton without its files.
    throw new VriftError(
      "VRIFT_ROOT_REFUSED",
      `${join(src, inner)} is a phantom workspace of its own; clone it alone`,
    );
  }
  const unreadable = entries.find(({ type, errno }) => type === "dir" && errno !== 0);
  if (unreadable) throw new VriftError("EACCES", `${join(src, unreadable.key)} cannot be read`);
  return { entries, mtimeNs };
}

async function copyPhysical(
  src: string,
  dst: string,
  source: Source,
  virtual: ReadonlySet<string>,
  context: TreeContext,
  imported: ImportSummary | null,
): Promise<CloneSummary> {
  const { access, progress } = context;
  const copy = new TreeCopy(src, dst, source.entries);
  copy.makeDirectories();
  copy.copy(virtual, progress);
  copy.copyConfiguration();
  progress.begin("register", 0, 0n);
  copy.finishDirectories();
  await access.sync(dst);
  finishDirectory(src, dst, source.mtimeNs);
  const workspace = await access.open(dst);
  await recordBase(context, workspace, src);
  markComplete(dst);
  return {
    workspace,
    directories: source.entries.filter(({ type }) => type === "dir").length,
    copied: copy.counts.copied,
    alreadyThere: copy.counts.same,
    bytes: copy.bytes,
    skipped: copy.counts.skipped,
    imported,
  };
}

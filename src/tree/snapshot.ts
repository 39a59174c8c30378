/** `vrift snapshot`: the names of a workspace and all their content, kept under a name until somebody deletes it. */
import { VriftError } from "../platform/errors.js";
import { assertNotRestoring } from "../workspace/restoring.js";
import {
  type SnapshotRecord,
  assertSnapshotName,
  deleteSnapshot,
  hasSnapshot,
  tidySnapshots,
} from "../workspace/snapshots.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";
import { captureTree } from "./capture-tree.js";
import type { TreeContext } from "./context.js";
import { recover } from "../workspace/recover.js";
import { assertComplete, assertNotInsidePhantom, realDirectory } from "./refusal.js";
import { storeSnapshot } from "./store-snapshot.js";
import { withTreeLock } from "../workspace/tree-lock.js";

export interface SnapshotSummary {
  readonly workspace: WorkspaceInfo;
  readonly name: string;
  readonly names: number;
  readonly files: number;
  readonly bytes: bigint;
  /** Files with attributes or ACLs, which are not kept. */
  readonly attributes: number;
  /** False: programs changed the tree all the while, and not everything is of one moment. */
  readonly settled: boolean;
}

/** EINVAL for the name, EEXIST. */
export async function snapshot(path: string, name: string, context: TreeContext): Promise<SnapshotSummary> {
  assertSnapshotName(name);
  return await inWorkspace(path, context, async (workspace) => {
    assertNotRestoring(context.home, workspace);
    if (hasSnapshot(context.home, workspace, name))
      throw new VriftError("EEXIST", `${workspace.root} has a snapshot ${name} already`);
    return await takeSnapshot(context, workspace, name, false);
  });
}

/** ENOENT. */
export async function removeSnapshot(path: string, name: string, context: TreeContext): Promise<void> {
  await inWorkspace(path, context, async (workspace) => {
    assertNotRestoring(context.home, workspace);
    await deleteSnapshot(context.home, context.store, workspace, name);
  });
}

/** Under the tree lock, after `recover` and what killed commands left half made: the tree and its snapshots are all of a piece. */
export async function inWorkspace<T>(
  path: string,
  context: TreeContext,
  work: (workspace: WorkspaceInfo) => Promise<T>,
): Promise<T> {
  const root = realDirectory(path);
  assertNotInsidePhantom(root);
  assertComplete(root);
  const { access, home, progress, store } = context;
  const workspace = await access.open(root);
  return await withTreeLock(workspace, async () => {
    progress.begin("recover", 0, 0n);
    await recover(store, root);
    await tidySnapshots(home, store, workspace);
    await access.sync(root);
    progress.begin("scan", 0, 0n);
    return await work(workspace);
  });
}

/** Of the tree as it is, or of the keys of `scope`. */
export async function takeSnapshot(
  context: TreeContext,
  workspace: WorkspaceInfo,
  name: string,
  replace: boolean,
  scope?: readonly string[],
): Promise<SnapshotSummary> {
  const wanted = scope === undefined ? undefined : new Set(scope);
  const lease = context.store.lease();
  try {
    const only = wanted === undefined ? {} : { only: (key: string) => wanted.has(key) };
    const captured = await captureTree(context, workspace.root, lease, only);
    const options = { name, root: workspace.root, replace, ...(scope === undefined ? {} : { scope }) };
    const record = await storeSnapshot(context, workspace, captured, lease, options);
    return summaryOf(workspace, name, captured, record);
  } finally {
    lease.release();
  }
}

function summaryOf(
  workspace: WorkspaceInfo,
  name: string,
  { tree, attributes, settled }: Awaited<ReturnType<typeof captureTree>>,
  { files, bytes }: SnapshotRecord,
): SnapshotSummary {
  return { workspace, name, names: tree.size, files, bytes: BigInt(bytes), attributes, settled };
}

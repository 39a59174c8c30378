/** `vrift solid`: a phantom workspace becomes an ordinary directory again, with every byte, mode, time and link. */
import { VriftError } from "../platform/errors.js";
import { PROJECT_DIR } from "../platform/paths.js";
import { scanTree } from "../platform/scan.js";
import { assertNotRestoring } from "../workspace/restoring.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";
import { incompleteCloneOf } from "./clone-marker.js";
import type { TreeContext } from "./context.js";
import { removeRemains, removeTemporaries } from "./project-directory.js";
import { recordDirectory, restoreDirectories } from "../workspace/recorded-directories.js";
import { type PlaceSummary, placeFiles } from "./place.js";
import { type RecoverSummary, recover } from "../workspace/recover.js";
import { assertComplete, isPhantomRoot, realDirectory } from "./refusal.js";
import { separateFromStore } from "./separate.js";
import { syncFileSystem } from "./sync-file-system.js";
import { withTreeLock } from "../workspace/tree-lock.js";

export interface SolidSummary extends PlaceSummary {
  readonly workspace: WorkspaceInfo;
  readonly recovered: RecoverSummary;
}

/** VRIFT_NOT_PHANTOM; EIO or EBUSY naming the first file that could not be placed: all others are, and stay. */
export async function solid(path: string, context: TreeContext): Promise<SolidSummary> {
  const root = realDirectory(path);
  if (!isPhantomRoot(root) && incompleteCloneOf(root) === undefined) removeRemains(root);
  const workspace = await openPhantom(root, context);
  return await withTreeLock(workspace, async () => {
    const { recovered, rootTimes, placed } = await putInPlace(root, workspace, context, () => true);
    const [first] = placed.failed;
    if (first) {
      const { code, message } = first.error;
      throw new VriftError(code, `${message}; ${placed.failed.length} such files, all others are in place`);
    }
    context.progress.begin("register", 0, 0n);
    await separateFromStore(await scanTree(root, [PROJECT_DIR]), context.store);
    removeTemporaries(root);
    await context.access.solidify(root);
    if (rootTimes) restoreDirectories(root, [rootTimes]); // `.vrift` was removed from it
    return { ...placed, workspace, recovered };
  });
}

/**
 * Puts virtual files in place and leaves the workspace phantom: for programs the library cannot enter.
 * @param keys files, or directories with all that is below them; everything when left out.
 */
export async function hydrate(
  path: string,
  context: TreeContext,
  keys?: readonly string[],
): Promise<SolidSummary> {
  const root = realDirectory(path);
  const workspace = await openPhantom(root, context);
  return await withTreeLock(workspace, async () => {
    const wanted = (key: string): boolean => !keys || keys.some((top) => isAtOrBelow(key, top));
    const { recovered, placed } = await putInPlace(root, workspace, context, wanted);
    context.progress.begin("register", 0, 0n);
    await context.access.sync(root);
    return { ...placed, workspace, recovered };
  });
}

async function openPhantom(root: string, context: TreeContext): Promise<WorkspaceInfo> {
  assertComplete(root);
  if (!isPhantomRoot(root)) throw new VriftError("VRIFT_NOT_PHANTOM", `${root} is not a phantom workspace`);
  const workspace = await context.access.open(root);
  assertNotRestoring(context.home, workspace);
  return workspace;
}

async function putInPlace(
  root: string,
  workspace: WorkspaceInfo,
  context: TreeContext,
  wanted: (key: string) => boolean,
): Promise<{
  recovered: RecoverSummary;
  rootTimes: ReturnType<typeof recordDirectory>;
  placed: PlaceSummary;
}> {
  context.progress.begin("recover", 0, 0n);
  const recovered = await recover(context.store, root);
  const rootTimes = recordDirectory(root, "");
  await context.access.sync(root);
  context.progress.begin("place", workspace.virtualEntries, BigInt(workspace.virtualBytes));
  const placed = await placeFiles(root, context, workspace.virtualEntries, wanted);
  await syncFileSystem(root);
  return { recovered, rootTimes, placed };
}

function isAtOrBelow(key: string, top: string): boolean {
  return top === "" || key === top || key.startsWith(`${top}/`);
}

/** `vrift ingest`: the store gets a copy of every file the policy lets go; the tree stays as it is. */
import { PROJECT_DIR } from "../platform/paths.js";
import { scanTree } from "../platform/scan.js";
import { assertNotRestoring } from "../workspace/restoring.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";
import type { TreeContext } from "./context.js";
import { heldFiles } from "./held-files.js";
import { type ImportSummary, importTree } from "./import-tree.js";
import { recover } from "../workspace/recover.js";
import { assertComplete, assertNotInsidePhantom, realDirectory } from "./refusal.js";
import { withTreeLock } from "../workspace/tree-lock.js";

export interface IngestSummary extends ImportSummary {
  readonly workspace: WorkspaceInfo;
  /** Files of which the store has had the content since an earlier time, and which were not read. */
  readonly unchanged: number;
}

export async function ingest(path: string, context: TreeContext): Promise<IngestSummary> {
  const root = realDirectory(path);
  assertNotInsidePhantom(root);
  assertComplete(root);
  const { access, progress, store } = context;
  const workspace = await access.open(root);
  assertNotRestoring(context.home, workspace);
  return await withTreeLock(workspace, async () => {
    progress.begin("recover", 0, 0n);
    await recover(store, root);
    await access.sync(root);
    progress.begin("scan", 0, 0n);
    const scan = (await scanTree(root, [PROJECT_DIR])).filter(({ key }) => key !== PROJECT_DIR);
    const held = await heldFiles(store, await access.open(root), scan);
    const changed = scan.filter(({ key }) => !held.has(key));
    const { summary } = await importTree(root, changed, context, (entries) =>
      access.adopt(root, entries, "backed"),
    );
    return { ...summary, unchanged: held.size, workspace };
  });
}

/** A clone remembers what it was at its beginning: the base that `diff` and `adopt` compare with (docs/snapshots.md). */
import { tidySnapshots } from "../workspace/snapshots.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";
import { captureTree } from "./capture-tree.js";
import type { TreeContext } from "./context.js";
import { storeSnapshot } from "./store-snapshot.js";

/** Of a physical file larger than this, or in ELF, nobody reads a textual difference: its hash is all that is kept. */
const TEXT_BYTES = 1n << 20n;

export function holdsText({ size, elf }: { readonly size: bigint; readonly elf: boolean }): boolean {
  return !elf && size <= TEXT_BYTES;
}

/** @param src real path of what it was cloned from. Nobody works in the clone yet. */
export async function recordBase(context: TreeContext, workspace: WorkspaceInfo, src: string): Promise<void> {
  const { home, store } = context;
  await tidySnapshots(home, store, workspace);
  const lease = store.lease();
  try {
    const captured = await captureTree(context, workspace.root, lease, { holds: holdsText, atRest: true });
    await storeSnapshot(context, workspace, captured, lease, { name: null, root: src, replace: true });
  } finally {
    lease.release();
  }
}

/** `vrift diff`: what has changed since a workspace was cloned, or since a snapshot (docs/snapshots.md, diff). */
import { join } from "node:path";
import { VriftError } from "../platform/errors.js";
import type { ContentStore } from "../store/store.js";
import { assertNotRestoring } from "../workspace/restoring.js";
import { findSnapshot, readBase } from "../workspace/snapshots.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";
import type { TreeContext } from "./context.js";
import { type PresentName, assertReadable, readPresent } from "./present-tree.js";
import type { RecordedName } from "./recorded-tree.js";
import { inWorkspace } from "./snapshot.js";
import { blobOf, readSnapshot } from "./store-snapshot.js";
import { type Difference, differences, worthSaying } from "./tree-difference.js";

export interface DiffSummary {
  readonly workspace: WorkspaceInfo;
  /** The snapshot; null: what it was cloned from. */
  readonly snapshot: string | null;
  /** The directory that the other side is of. */
  readonly against: string;
  readonly differences: readonly Difference[];
}

/** @param snapshot null: the base of a clone. ENOENT: there is none. */
export async function diff(
  path: string,
  snapshot: string | null,
  context: TreeContext,
): Promise<DiffSummary> {
  return await inWorkspace(path, context, async (workspace) => {
    const { home, store } = context;
    const { id, root } = workspace;
    assertNotRestoring(home, workspace);
    const record = snapshot === null ? readBase(home, id) : findSnapshot(home, workspace, snapshot);
    if (record === undefined)
      throw new VriftError(
        "ENOENT",
        `${root} was not cloned from anything; --snapshot NAME compares with a snapshot`,
      );
    const before = await readSnapshot(store, record);
    const scope = record.scope === undefined ? undefined : new Set(record.scope);
    const present = await readPresent(
      context,
      root,
      scope === undefined ? undefined : (key) => scope.has(key),
    );
    assertReadable(root, present);
    const found = worthSaying(await differences(root, before, present));
    return { workspace, snapshot, against: record.root, differences: found };
  });
}

/** A file's content for somebody who opens it by name; null: it is not kept (any more). */
export function contentPath(
  store: ContentStore,
  root: string,
  key: string,
  name: RecordedName | PresentName,
): string | null {
  if (name.type !== "file") return null;
  if ("scan" in name && name.scan !== undefined) return join(root, key);
  const id = blobOf({ hash: name.hash ?? "", size: name.size });
  return store.statBlob(id) === undefined ? null : store.blobPath(id);
}

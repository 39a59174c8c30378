/** `vrift restore`: the tree becomes that of a snapshot; the state before is kept as another one (docs/snapshots.md, restore). */
import { VriftError } from "../platform/errors.js";
import { assertNotRestoring, endRestoring, readRestoring, writeRestoring } from "../workspace/restoring.js";
import { type SnapshotRecord, findSnapshot } from "../workspace/snapshots.js";
import type { ContentStore } from "../store/store.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";
import type { TreeContext } from "./context.js";
import { type PresentTree, readPresent } from "./present-tree.js";
import { RestoreRound } from "./restore-round.js";
import type { RestoreCounts, RestoreGoal, RestoreState } from "./restore-state.js";
import { inWorkspace, takeSnapshot } from "./snapshot.js";
import { assertAllThere, readSnapshot } from "./store-snapshot.js";
import { syncFileSystem } from "./sync-file-system.js";

export interface RestoreSummary extends RestoreCounts {
  readonly workspace: WorkspaceInfo;
  readonly name: string;
  /** The snapshot that has the state before. */
  readonly before: string;
  /** Paths that could not become what they were, because a directory holds what no snapshot has. */
  readonly blocked: readonly string[];
  /** Directories that stay for the same reason. */
  readonly kept: readonly string[];
  /** Names that came while it was restored (or since it was interrupted) and are in no snapshot: they stay. */
  readonly appeared: readonly string[];
}

/** The state before the last restore, and before that one was taken back. */
export const BEFORE_RESTORE = "before-restore";
const BEFORE_UNDO = "before-undo";

const ROUNDS = 5;

/** ENOENT; EIO when content is missing, before anything is changed; EBUSY when programs keep changing the tree. */
export async function restore(path: string, name: string, context: TreeContext): Promise<RestoreSummary> {
  return await inWorkspace(path, context, async (workspace) => {
    const record = findRecord(context, workspace, name);
    return await restoreTo(context, workspace, name, record);
  });
}

/** Also one that is being restored: its record is in the home although somebody has deleted it meanwhile. */
function findRecord({ home }: TreeContext, workspace: WorkspaceInfo, name: string): SnapshotRecord {
  const restoring = readRestoring(home, workspace.id);
  return restoring?.name === name ? restoring.record : findSnapshot(home, workspace, name);
}

/** Under the tree lock. */
export async function restoreTo(
  context: TreeContext,
  workspace: WorkspaceInfo,
  name: string,
  record: SnapshotRecord,
): Promise<RestoreSummary> {
  const { home, store } = context;
  const { id } = workspace;
  const content = await readSnapshot(store, record);
  assertAllThere(store, content.tree);
  const next = name === BEFORE_RESTORE ? BEFORE_UNDO : BEFORE_RESTORE;
  // After an interrupted one the state before it is kept already, and what is there now is nobody's.
  const interrupted = readRestoring(home, id);
  if (interrupted === undefined) await takeSnapshot(context, workspace, next, true, record.scope);
  const before = interrupted?.before ?? next;
  const beforeRecord = findSnapshot(home, workspace, before);
  if (!isWithin(record.scope, beforeRecord.scope)) assertNotRestoring(home, workspace);
  const begun = interrupted === undefined ? [] : [interrupted.record, ...interrupted.begun];
  writeRestoring(home, id, { name, record, before, begun });
  const removable = await keysOf(store, [beforeRecord, ...begun]);
  const scope = record.scope === undefined ? undefined : new Set(record.scope);
  const state = await converge(context, workspace, { ...content, scope, removable });
  endRestoring(home, id);
  const { counts, blocked, kept, appeared } = state;
  const sorted = { blocked: [...blocked].sort(), kept: [...kept].sort(), appeared: [...appeared].sort() };
  return { ...counts, workspace, name, before, ...sorted };
}

/** What is to be changed is in the snapshot of the state before: after an interrupted adopt that has a few keys only. */
function isWithin(scope: readonly string[] | undefined, outer: readonly string[] | undefined): boolean {
  if (outer === undefined) return true;
  const keys = new Set(outer);
  return scope !== undefined && scope.every((key) => keys.has(key));
}

/** What the state before had, and what interrupted restores may have put there: nothing else is removed. */
async function keysOf(store: ContentStore, records: readonly SnapshotRecord[]): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  for (const record of records)
    for (const key of (await readSnapshot(store, record)).tree.keys()) keys.add(key);
  return keys;
}

async function converge(
  context: TreeContext,
  workspace: WorkspaceInfo,
  goal: RestoreGoal,
): Promise<RestoreState> {
  const { access, progress } = context;
  const { root } = workspace;
  const state: RestoreState = {
    counts: { placed: 0, recorded: 0, removed: 0, adjusted: 0 },
    placed: new Map(),
    blocked: new Set(),
    kept: new Set(),
    appeared: new Set(),
  };
  for (let round = 1; round <= ROUNDS; round++) {
    const present = await presentIn(context, root, goal);
    progress.begin("place", 0, 0n);
    const isDone = await new RestoreRound(context, workspace, goal, present, state).run();
    await syncFileSystem(root);
    await access.sync(root);
    if (isDone) return state;
  }
  throw new VriftError("EBUSY", `programs keep changing ${root}; end them and repeat the command`);
}

function presentIn(context: TreeContext, root: string, { scope }: RestoreGoal): Promise<PresentTree> {
  return readPresent(context, root, scope === undefined ? undefined : (key) => scope.has(key));
}

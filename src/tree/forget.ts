/** `vrift forget`: a workspace ends, and what only the store had of it may be swept. */
import { existsSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { connectProjectControl } from "../client/control-client.js";
import { VriftError } from "../platform/errors.js";
import { makeDirectory } from "../platform/files.js";
import type { Home } from "../platform/paths.js";
import { projectPaths, workspacePaths } from "../platform/paths.js";
import type { ContentStore } from "../store/store.js";
import { type PlaceState, countVirtual, forgetWorkspace, placeState } from "../workspace/forget.js";
import { type OwnerLock, takeOwnerLock } from "../workspace/owner-lock.js";
import { listSnapshots } from "../workspace/snapshots.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";
import { incompleteCloneOf } from "./clone-marker.js";
import { removeRemains } from "./project-directory.js";
import { isPhantomRoot } from "./refusal.js";
import { recordDirectory, restoreDirectories } from "../workspace/recorded-directories.js";
import { withTreeLock } from "../workspace/tree-lock.js";

export interface ForgetSummary {
  readonly id: string;
  readonly root: string;
  readonly place: PlaceState;
  /** Files whose only copy may have been in the store, null when the manifest could not be read. */
  readonly virtualFiles: number | null;
  readonly virtualBytes: bigint | null;
  readonly snapshots: readonly string[];
}

export interface ForgetOptions {
  /** The person has said that content which only the store has may go. */
  readonly discard: boolean;
}

/** For a process to end what it does. */
const STOP_MS = 10_000;
const POLL_MS = 10;

/** VRIFT_ONLY_COPY: content would be lost and nobody said so. EBUSY: its process does not end. Nobody uses the index. */
export async function forget(
  info: WorkspaceInfo,
  { home, store }: { readonly home: Home; readonly store: ContentStore },
  { discard }: ForgetOptions,
): Promise<ForgetSummary> {
  makeDirectory(workspacePaths(home, info.id).run);
  return await withTreeLock(info, async () => {
    const lock = await ownWorkspace(home, info);
    try {
      const summary = await lookAtContent(home, info);
      if (!discard) assertNothingLost(summary, info);
      const times = summary.place === "there" ? recordDirectory(info.root, "") : undefined;
      await forgetWorkspace(home, store, info);
      if (isWithoutWorkspace(info)) removeRemains(info.root); // one that was killed had come that far
      if (times) restoreDirectories(info.root, [times]); // `.vrift` was removed from it
      return summary;
    } finally {
      lock.release();
    }
  });
}

function isWithoutWorkspace({ kind, root }: WorkspaceInfo): boolean {
  return kind === "phantom" && !isPhantomRoot(root) && incompleteCloneOf(root) === undefined;
}

async function lookAtContent(home: Home, info: WorkspaceInfo): Promise<ForgetSummary> {
  const virtual = info.kind === "solid" ? { files: 0, bytes: 0n } : await countVirtual(home, info.id);
  const { id, root } = info;
  return {
    id,
    root,
    place: placeState(info),
    virtualFiles: virtual?.files ?? null,
    virtualBytes: virtual?.bytes ?? null,
    // Of a phantom workspace those of its path are somebody else's: of what was solid there.
    snapshots: listSnapshots(home, info.kind === "solid" ? info : { id, root: "" }).map(({ name }) => name),
  };
}

function assertNothingLost(
  { place, root, virtualFiles, snapshots }: ForgetSummary,
  info: WorkspaceInfo,
): void {
  const lost = [
    ...(virtualFiles === 0 ? [] : [virtualFiles === null ? "files" : `${virtualFiles} files`]),
    ...(snapshots.length === 0 ? [] : [`${snapshots.length} snapshots (${snapshots.join(", ")})`]),
  ];
  const moving = place === "there" && info.kind === "phantom" && existsSync(projectPaths(root).intent);
  if (moving)
    throw new VriftError("EBUSY", `files of ${root} were being moved; \`vrift solid ${root}\` finishes it`);
  if (lost.length === 0) return;
  const rescue =
    place === "there"
      ? virtualFiles === 0
        ? ""
        : `, \`vrift solid ${root}\` brings files back first`
      : place === "gone"
        ? `; ${root} is not there: was it moved, or is its disk not mounted?`
        : "";
  throw new VriftError(
    "VRIFT_ONLY_COPY",
    `the store has the only copy of ${lost.join(" and ")} of ${root}${rescue}`,
  );
}

/** The workspace is ours when it resolves: its process, if one runs, is asked to stop. */
async function ownWorkspace(home: Home, { id, root }: WorkspaceInfo): Promise<OwnerLock> {
  const { lock: path, control } = workspacePaths(home, id);
  for (const deadline = Date.now() + STOP_MS; ;) {
    const lock = takeOwnerLock(path);
    if (lock !== undefined) return lock;
    if (Date.now() > deadline) throw new VriftError("EBUSY", `the process of ${root} does not end`);
    await askToStop(control);
    await wait(POLL_MS);
  }
}

async function askToStop(control: string): Promise<void> {
  try {
    const process = await connectProjectControl(control);
    try {
      await process.call("stop", {});
    } finally {
      process.close();
    }
  } catch {
    // It ends, or begins: the lock says.
  }
}

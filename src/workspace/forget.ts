/** The end of a workspace in its home: manifest, lists, index, snapshots. docs/snapshots.md has the order. */
import { lstatSync, rmSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { openManifest } from "../manifest/lmdb-manifest.js";
import { isErrno, namesIn, unlinkIfPresent } from "../platform/files.js";
import type { Home } from "../platform/paths.js";
import { workspacePaths } from "../platform/paths.js";
import type { ContentStore } from "../store/store.js";
import { readWorkspaceFile, removeProjectDirectory } from "./identity.js";
import { FACTS } from "./known.js";
import { isVirtual } from "./records.js";
import { endSnapshots } from "./snapshots.js";
import type { WorkspaceInfo } from "./workspace.js";

/** `other`: something else is at its path by now. */
export type PlaceState = "there" | "gone" | "other";

/** Whether the directory of a workspace that the home knows is (still) that workspace. */
export function placeState({ id, root, kind }: Pick<WorkspaceInfo, "id" | "root" | "kind">): PlaceState {
  if (lstatSync(root, { throwIfNoEntry: false })?.isDirectory() !== true) return "gone";
  const file = readWorkspaceFile(root);
  const isItself = kind === "phantom" ? file?.id === id : file === undefined;
  return isItself ? "there" : "other";
}

export interface VirtualContentCount {
  readonly files: number;
  readonly bytes: bigint;
}

/** Files whose only copy is in the store, as the manifest says; the caller owns the workspace. undefined: it cannot be read. */
export async function countVirtual(home: Home, id: string): Promise<VirtualContentCount | undefined> {
  const count = { files: 0, bytes: 0n };
  try {
    const manifest = await openManifest(workspacePaths(home, id).db, { beforeCommit: async () => undefined });
    try {
      for (const [, record] of manifest.entries()) {
        if (!isVirtual(record)) continue;
        count.files += 1;
        count.bytes += record.size;
      }
    } finally {
      await manifest.close();
    }
  } catch {
    return undefined;
  }
  return count;
}

/** The caller owns the workspace, and nobody uses its index. May be repeated after a kill until the home does not list it any more. */
export async function forgetWorkspace(home: Home, store: ContentStore, info: WorkspaceInfo): Promise<void> {
  const { id, root, kind } = info;
  if (kind === "phantom" && placeState(info) === "there") removeProjectDirectory(root);
  await endSnapshots(home, store, id);
  await store.removeRoots(id);
  const { db, run } = workspacePaths(home, id);
  rmSync(run, { recursive: true, force: true });
  for (const name of namesIn(db))
    if (name !== FACTS) rmSync(join(db, name), { recursive: true, force: true });
  unlinkIfPresent(join(db, FACTS));
  try {
    rmdirSync(db);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

/**
 * Makes a directory a phantom workspace: manifest and roots first, durably, then `.vrift/workspace`. Killed before that last
 * write, the directory is what it was, and an unused manifest stays in the home.
 */
import type { EntryId, ManifestChange, ManifestRecord } from "../manifest/manifest.js";
import { ROOT_ID, ROOT_PARENT } from "../manifest/manifest.js";
import { openManifest } from "../manifest/lmdb-manifest.js";
import { makeDirectory } from "../platform/files.js";
import type { Home } from "../platform/paths.js";
import { workspacePaths } from "../platform/paths.js";
import type { ContentStore } from "../store/store.js";
import { namesContent } from "./held-content.js";
import { newPhantomId, writeWorkspaceFile } from "./identity.js";
import { nameOf, parentKey } from "./physical.js";
import { isDir } from "./records.js";

const BATCH = 4096;

export interface FoundOptions {
  readonly home: Home;
  readonly store: ContentStore;
  readonly root: string;
  /**
   * Entries to start with: those of the workspace this is a clone or a copy of, or of the solid one it was. The first
   * resync compares them with the tree, so only virtual ones and known hashes of unchanged files stay.
   */
  readonly seed: () => Iterable<readonly [key: string, record: ManifestRecord]>;
}

/** @returns the new workspace's id. */
export async function foundPhantom({ home, store, root, seed }: FoundOptions): Promise<string> {
  const id = newPhantomId();
  const { db } = workspacePaths(home, id);
  makeDirectory(db);
  const roots = await store.roots(id);
  const manifest = await openManifest(db, { beforeCommit: () => store.sync() });
  try {
    for (const batch of batches(seed())) {
      // In the turn of the event loop in which the entries were read: as long as their workspace has them, its roots name their
      // content, and when it rewrites those, these name it.
      await roots.add(batch.flatMap(hashOf));
      await manifest.apply(batch);
    }
    await manifest.sync();
  } finally {
    roots.close();
    await manifest.close();
  }
  writeWorkspaceFile(root, id);
  return id;
}

function hashOf(change: ManifestChange): Uint8Array[] {
  return change.type === "put" && namesContent(change.record) ? [change.record.hash] : [];
}

function* batches(entries: Iterable<readonly [string, ManifestRecord]>): Generator<ManifestChange[]> {
  const directories = new Map<string, EntryId>([["", ROOT_ID]]);
  let batch: ManifestChange[] = [];
  for (const [key, record] of entries) {
    const parent = key === "" ? ROOT_PARENT : directories.get(parentKey(key));
    if (parent === undefined) continue;
    if (isDir(record)) directories.set(key, record.id);
    batch.push({ type: "put", parent, name: nameOf(key), record });
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

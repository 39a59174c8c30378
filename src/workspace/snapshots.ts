/**
 * Snapshots of a workspace on disk: records in the home, lists of roots in the store (docs/snapshots.md has the order and why). What is in
 * one is not this file's business. Whoever changes something holds the tree lock of the workspace.
 */
import { randomBytes } from "node:crypto";
import { renameSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { VriftError } from "../platform/errors.js";
import {
  isErrno,
  makeDirectory,
  namesIn,
  readPrivateFile,
  syncDirectory,
  unlinkIfPresent,
  writeFileAtomic,
} from "../platform/files.js";
import { native } from "../platform/native.js";
import type { Home } from "../platform/paths.js";
import { solidId } from "../platform/workspace-id.js";
import type { ContentStore } from "../store/store.js";
import { restoringPath } from "./restoring.js";
import {
  type SnapshotOwner,
  type SnapshotRecord,
  assertSnapshotName,
  basePath,
  isSnapshotName,
  namedDirectories,
  pendingPath,
  pendingRoots,
  readRecord,
  setDirectories,
  snapshotsDirectory,
} from "./snapshot-record.js";

export { assertSnapshotName } from "./snapshot-record.js";
export type { RecordedBlob, SnapshotOwner, SnapshotRecord } from "./snapshot-record.js";

export interface NamedSnapshot extends SnapshotRecord {
  readonly name: string;
}

/** Sorted by age. VRIFT_DAMAGED when a record cannot be read. */
export function listSnapshots(home: Home, owner: SnapshotOwner): NamedSnapshot[] {
  const found: NamedSnapshot[] = [];
  for (const directory of namedDirectories(home, owner))
    for (const name of namesIn(directory)) {
      if (!isSnapshotName(name) || found.some((other) => other.name === name)) continue;
      const record = readRecord(join(directory, name));
      if (record !== undefined) found.push({ name, ...record });
    }
  return found.sort((a, b) => a.madeMs - b.madeMs || (a.name < b.name ? -1 : 1));
}

/** ENOENT; VRIFT_DAMAGED. */
export function findSnapshot(home: Home, owner: SnapshotOwner, name: string): SnapshotRecord {
  assertSnapshotName(name);
  for (const directory of namedDirectories(home, owner)) {
    const record = readRecord(join(directory, name));
    if (record !== undefined) return record;
  }
  throw new VriftError("ENOENT", `${owner.root} has no snapshot ${name}`);
}

export function hasSnapshot(home: Home, owner: SnapshotOwner, name: string): boolean {
  return namedDirectories(home, owner).some(
    (directory) => readPrivateFile(join(directory, name)) !== undefined,
  );
}

/** What a clone was made from; undefined for a workspace that is none. */
export function readBase(home: Home, id: string): SnapshotRecord | undefined {
  return readRecord(basePath(home, id));
}

/** A list of roots that a `pending-` file names from now on, durably; `keep` or `tidySnapshots` ends that. */
export function beginSnapshot(home: Home, id: string): string {
  const roots = `snapshot-${randomBytes(16).toString("hex")}`;
  const directory = snapshotsDirectory(home, id);
  makeDirectory(directory);
  writeFileAtomic(pendingPath(directory, roots), Buffer.from("{}\n"), { durable: true });
  return roots;
}

/**
 * The last step of making one: its list and all blobs are durable. `name` null: it is the base, and one of before ends.
 * @param replace an earlier one of that name ends; otherwise EEXIST.
 */
export async function keepSnapshot(
  home: Home,
  store: ContentStore,
  owner: SnapshotOwner,
  { name, record, replace }: { name: string | null; record: SnapshotRecord; replace: boolean },
): Promise<void> {
  const directory = snapshotsDirectory(home, owner.id);
  const pending = pendingPath(directory, record.roots);
  writeFileAtomic(pending, Buffer.from(`${JSON.stringify(record)}\n`), { durable: true });
  const to = name === null ? basePath(home, owner.id) : join(directory, "named", name);
  makeDirectory(join(directory, "named"));
  if (!replace && name !== null && hasSnapshot(home, owner, name)) throw alreadyThere(owner, name);
  const before = replace ? readRecord(to) : undefined;
  if (before === undefined) publish(pending, to, owner, name);
  else {
    // Its list stays named: first as something to be removed, then the new record takes the name.
    writeFileAtomic(pendingPath(directory, before.roots), Buffer.from("{}\n"), { durable: true });
    renameSync(pending, to);
  }
  for (const changed of [join(directory, "named"), directory]) syncDirectory(changed);
  if (before !== undefined) await endList(store, directory, before.roots);
}

/** ENOENT. */
export async function deleteSnapshot(
  home: Home,
  store: ContentStore,
  owner: SnapshotOwner,
  name: string,
): Promise<void> {
  const { roots } = findSnapshot(home, owner, name);
  for (const directory of setDirectories(home, owner)) {
    const path = join(directory, "named", name);
    if (readPrivateFile(path) !== undefined) await deleteRecord(store, directory, path, roots);
  }
}

/** What killed commands have left half made or half removed. Nothing of anybody's is in it. */
export async function tidySnapshots(home: Home, store: ContentStore, owner: SnapshotOwner): Promise<void> {
  for (const directory of setDirectories(home, owner)) {
    // A record is written under its pending name and renamed; replacing one names the list of the one before.
    const kept = new Set(recordsIn(directory).map(({ roots }) => roots));
    for (const entry of namesIn(directory)) {
      const roots = pendingRoots(entry);
      if (roots === undefined) continue;
      if (kept.has(roots)) unlinkIfPresent(join(directory, entry));
      else await endList(store, directory, roots);
    }
  }
}

/** Of a workspace that is forgotten: everything. A directory of another file of anybody's stays. */
export async function endSnapshots(home: Home, store: ContentStore, id: string): Promise<void> {
  const directory = snapshotsDirectory(home, id);
  const named = join(directory, "named");
  for (const name of namesIn(named)) {
    const record = readRecord(join(named, name));
    if (record !== undefined) await deleteRecord(store, directory, join(named, name), record.roots);
  }
  await endBase(home, store, id);
  for (const entry of namesIn(directory)) {
    const roots = pendingRoots(entry);
    if (roots !== undefined) await endList(store, directory, roots);
  }
  unlinkIfPresent(restoringPath(home, id));
  for (const path of [named, directory]) removeEmpty(path);
}

/** A clone's tie to what it was made from. */
export async function endBase(home: Home, store: ContentStore, id: string): Promise<void> {
  const base = readBase(home, id);
  if (base !== undefined)
    await deleteRecord(store, snapshotsDirectory(home, id), basePath(home, id), base.roots);
}

/** A phantom workspace becomes solid: its snapshots are those of the path then. What it was cloned from ends. */
export async function handSnapshotsOver(
  home: Home,
  store: ContentStore,
  { id, root }: SnapshotOwner,
): Promise<void> {
  const from = join(snapshotsDirectory(home, id), "named");
  const to = join(snapshotsDirectory(home, solidId(root)), "named");
  for (const name of namesIn(from)) {
    makeDirectory(to);
    moveRecord(join(from, name), to, name);
    for (const changed of [to, from]) syncDirectory(changed);
  }
  await endSnapshots(home, store, id);
}

function publish(pending: string, to: string, owner: SnapshotOwner, name: string | null): void {
  try {
    native.renameNoReplace(pending, to);
  } catch (error) {
    if (isErrno(error, "EEXIST")) throw alreadyThere(owner, name ?? "base");
    throw error;
  }
}

function alreadyThere(owner: SnapshotOwner, name: string): VriftError {
  return new VriftError("EEXIST", `${owner.root} has a snapshot ${name} already`);
}

function moveRecord(from: string, directory: string, name: string): void {
  for (let n = 1; ; n++) {
    try {
      native.renameNoReplace(from, join(directory, n === 1 ? name : `${name}.${n}`));
      return;
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    }
  }
}

async function deleteRecord(
  store: ContentStore,
  directory: string,
  path: string,
  roots: string,
): Promise<void> {
  renameSync(path, pendingPath(directory, roots));
  for (const changed of [join(path, ".."), directory]) syncDirectory(changed);
  await endList(store, directory, roots);
}

async function endList(store: ContentStore, directory: string, roots: string): Promise<void> {
  await store.removeRoots(roots);
  unlinkIfPresent(pendingPath(directory, roots));
}

function recordsIn(directory: string): SnapshotRecord[] {
  const named = join(directory, "named");
  const paths = [...namesIn(named).map((name) => join(named, name)), join(directory, "base")];
  return paths.flatMap((path) => readRecord(path) ?? []);
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTEMPTY", "EEXIST")) throw error;
  }
}

/** `snapshots/<id>/restoring`: a restore that has begun, from before its first change until its last (docs/snapshots.md, restore). */
import { join } from "node:path";
import { VriftError } from "../platform/errors.js";
import {
  makeDirectory,
  readPrivateFile,
  syncDirectory,
  unlinkIfPresent,
  writeFileAtomic,
} from "../platform/files.js";
import type { Home } from "../platform/paths.js";
import {
  type SnapshotOwner,
  type SnapshotRecord,
  parseRecord,
  snapshotsDirectory,
} from "./snapshot-record.js";

/** A restore that has begun. */
export interface Restoring {
  /** As it was asked for. */
  readonly name: string;
  readonly record: SnapshotRecord;
  /** The snapshot that has the state before. */
  readonly before: string;
  /** Others that were begun since then and not completed. */
  readonly begun: readonly SnapshotRecord[];
}

/** A restore that was begun and not completed. */
export function readRestoring(home: Home, id: string): Restoring | undefined {
  const path = restoringPath(home, id);
  const bytes = readPrivateFile(path);
  if (bytes === undefined) return undefined;
  return parseRecord(path, bytes) as Restoring;
}

/** Durable when it returns. */
export function writeRestoring(home: Home, id: string, restoring: Restoring): void {
  makeDirectory(snapshotsDirectory(home, id));
  const text = `${JSON.stringify(restoring)}\n`;
  writeFileAtomic(restoringPath(home, id), Buffer.from(text), { durable: true });
}

export function endRestoring(home: Home, id: string): void {
  if (unlinkIfPresent(restoringPath(home, id))) syncDirectory(snapshotsDirectory(home, id));
}

/** EBUSY while a restore is half done: what the tree is now is nobody's state. */
export function assertNotRestoring(home: Home, { id, root }: SnapshotOwner): void {
  const restoring = readRestoring(home, id);
  if (restoring !== undefined)
    throw new VriftError(
      "EBUSY",
      `restoring ${restoring.name} in ${root} was interrupted; \`vrift restore ${restoring.name} ${root}\` completes it, ` +
        `\`vrift restore before-restore ${root}\` takes it back`,
    );
}

export function restoringPath(home: Home, id: string): string {
  return join(snapshotsDirectory(home, id), "restoring");
}

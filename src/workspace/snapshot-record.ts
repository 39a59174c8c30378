/** The record of a snapshot: what it holds, and the names under which the home keeps such records (docs/snapshots.md). */
import { join } from "node:path";
import { VriftError } from "../platform/errors.js";
import { readPrivateFile } from "../platform/files.js";
import type { Home } from "../platform/paths.js";
import { workspacePaths } from "../platform/paths.js";
import { solidId } from "../platform/workspace-id.js";
import type { WorkspaceInfo } from "./workspace.js";

/** A blob as JSON has it: 64 hex digits, decimal. */
export interface RecordedBlob {
  readonly hash: string;
  readonly size: string;
}

export interface SnapshotRecord {
  /** Of its list in the store's `roots/`. */
  readonly roots: string;
  /** Since 1970. */
  readonly madeMs: number;
  /** Real path of the directory it is of; of a base: that of the source. */
  readonly root: string;
  readonly body: RecordedBlob;
  readonly stamps: RecordedBlob;
  readonly files: number;
  /** Decimal: length of all content. */
  readonly bytes: string;
  /** It says nothing of other keys; absent: of all names of the workspace. */
  readonly scope?: readonly string[];
}

/** What makes a workspace, as far as its snapshots go. */
export type SnapshotOwner = Pick<WorkspaceInfo, "id" | "root">;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const PENDING = /^pending-(snapshot-[0-9a-f]{32})$/;

export function isSnapshotName(name: string): boolean {
  return NAME.test(name);
}

/** EINVAL for what cannot be the name of a snapshot. */
export function assertSnapshotName(name: string): void {
  if (!NAME.test(name))
    throw new VriftError(
      "EINVAL",
      `${JSON.stringify(name)} cannot name a snapshot: up to 64 letters, digits, '.', '_' and '-', the first a letter or digit`,
    );
}

/** Of a `pending-` file: the list that it names. undefined: it is none. */
export function pendingRoots(file: string): string | undefined {
  return PENDING.exec(file)?.[1];
}

/** Where a workspace's own are, then those of its path. */
export function setDirectories(home: Home, { id, root }: SnapshotOwner): string[] {
  return [...new Set([id, solidId(root)])].map((one) => snapshotsDirectory(home, one));
}

export function namedDirectories(home: Home, owner: SnapshotOwner): string[] {
  return setDirectories(home, owner).map((directory) => join(directory, "named"));
}

export function snapshotsDirectory(home: Home, id: string): string {
  return workspacePaths(home, id).snapshots;
}

export function basePath(home: Home, id: string): string {
  return join(snapshotsDirectory(home, id), "base");
}

export function pendingPath(directory: string, roots: string): string {
  return join(directory, `pending-${roots}`);
}

export function readRecord(path: string): SnapshotRecord | undefined {
  const bytes = readPrivateFile(path);
  if (bytes === undefined) return undefined;
  const record = parseRecord(path, bytes) as SnapshotRecord;
  if (typeof record.roots !== "string" || typeof record.body?.hash !== "string")
    throw new VriftError("VRIFT_DAMAGED", `${path} is not the record of a snapshot`);
  return record;
}

export function parseRecord(path: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new VriftError("VRIFT_DAMAGED", `${path} is not the record of a snapshot`, { cause });
  }
}

/**
 * Which workspaces a home knows: `db/<id>/workspace.json`, a few facts to be read without opening the manifest. Written at
 * open and at close; counts may be old while a workspace is open.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isErrno, readPrivateFile, writeFileAtomic } from "../platform/files.js";
import type { Home } from "../platform/paths.js";
import { workspacePaths } from "../platform/paths.js";
import type { WorkspaceInfo, WorkspaceKind } from "./workspace.js";

export const FACTS = "workspace.json";

type Facts = Omit<WorkspaceInfo, "run" | "index" | "distrust">;

export function rememberWorkspace(home: Home, info: Facts): void {
  const { root, kind, entries, virtualEntries, virtualBytes } = info;
  const text = Buffer.from(`${JSON.stringify({ root, kind, entries, virtualEntries, virtualBytes })}\n`);
  const path = factsFile(home, info.id);
  // Durable means to wait for the disk, and who waits may be serving others.
  if (readPrivateFile(path)?.equals(text) !== true) writeFileAtomic(path, text, { durable: true });
}

/** Where a workspace is from now on, before it is opened there. */
export function recordRoot(
  home: Home,
  place: { readonly root: string; readonly id: string; readonly kind: WorkspaceKind },
): void {
  const before = readFacts(home, place.id) ?? { entries: 0, virtualEntries: 0, virtualBytes: "0" };
  rememberWorkspace(home, { ...before, ...place });
}

/** Where the home last saw the workspace of an id. */
export function recordedRoot(home: Home, id: string): string | undefined {
  return readFacts(home, id)?.root;
}

/** Every workspace that was opened once and not forgotten, in no order. */
export function knownWorkspaces(home: Home): WorkspaceInfo[] {
  let names: string[];
  try {
    names = readdirSync(join(home.root, "db"));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
  return names.flatMap((name) => (/^[0-9a-f]{32}$/.test(name) ? (readFacts(home, name) ?? []) : []));
}

function readFacts(home: Home, id: string): WorkspaceInfo | undefined {
  const bytes = readPrivateFile(factsFile(home, id));
  const facts = bytes === undefined ? undefined : parseFacts(bytes.toString("utf8"));
  if (facts === undefined) return undefined;
  const { run, index } = workspacePaths(home, id);
  return { id, run, index, ...facts };
}

/** undefined for what is not our JSON: then the workspace is not listed until it is opened again. */
function parseFacts(text: string): Omit<WorkspaceInfo, "id" | "run" | "index"> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { root, kind, entries, virtualEntries, virtualBytes } = value as Record<string, unknown>;
  if (typeof root !== "string" || (kind !== "solid" && kind !== "phantom")) return undefined;
  if (typeof entries !== "number" || typeof virtualEntries !== "number" || typeof virtualBytes !== "string")
    return undefined;
  return { root, kind, entries, virtualEntries, virtualBytes };
}

function factsFile(home: Home, id: string): string {
  return join(workspacePaths(home, id).db, FACTS);
}

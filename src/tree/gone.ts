/** Workspaces whose directory is not there: since when, and their end when nothing is lost by it. */
import { join } from "node:path";
import { VriftError, toVriftError } from "../platform/errors.js";
import { readPrivateFile, unlinkIfPresent, writeFileAtomic } from "../platform/files.js";
import type { Home } from "../platform/paths.js";
import { workspacePaths } from "../platform/paths.js";
import type { ContentStore } from "../store/store.js";
import { placeState } from "../workspace/forget.js";
import { knownWorkspaces } from "../workspace/known.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";
import { forget } from "./forget.js";

/** A disk that is not mounted today is mounted again within days. */
export const GONE_GRACE_MS = 7 * 86_400_000;

export interface GoneWorkspace {
  readonly info: WorkspaceInfo;
  /** When it was first seen to be gone. */
  readonly sinceMs: number;
}

/** Notes, for each that is gone, since when; a directory that is there again begins anew. */
export function goneWorkspaces(home: Home, now = Date.now()): GoneWorkspace[] {
  return knownWorkspaces(home).flatMap((info) => {
    const marker = join(workspacePaths(home, info.id).db, "gone");
    if (placeState(info) !== "gone") {
      unlinkIfPresent(marker);
      return [];
    }
    const noted = Number(readPrivateFile(marker)?.toString("utf8") ?? NaN);
    const sinceMs = Number.isFinite(noted) && noted <= now ? noted : now;
    if (sinceMs !== noted) writeFileAtomic(marker, Buffer.from(`${sinceMs}\n`));
    return [{ info, sinceMs }];
  });
}

export interface Pruned {
  readonly forgotten: readonly GoneWorkspace[];
  /** They stay, and why: the store has the only copy of something, or its process does not end. */
  readonly kept: readonly (GoneWorkspace & { readonly reason: string })[];
}

/** Ends those that have been gone for `graceMs` and of which nothing is only in the store. */
export async function pruneGone(
  context: { readonly home: Home; readonly store: ContentStore },
  gone: readonly GoneWorkspace[],
  graceMs = GONE_GRACE_MS,
): Promise<Pruned> {
  const forgotten: GoneWorkspace[] = [];
  const kept: (GoneWorkspace & { reason: string })[] = [];
  for (const one of gone) {
    if (Date.now() - one.sinceMs < graceMs) {
      kept.push({ ...one, reason: "gone for too short a time" });
      continue;
    }
    try {
      await forget(one.info, context, { discard: false });
      forgotten.push(one);
    } catch (error) {
      if (!(error instanceof VriftError)) throw error;
      kept.push({ ...one, reason: toVriftError(error).message });
    }
  }
  return { forgotten, kept };
}

/** Some virtual files put in their places: by `solid` itself, or by one of its threads. */
import { join } from "node:path";
import { VriftError, toVriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import type { ContentStore } from "../store/store.js";
import { touchIntent } from "../workspace/intent.js";
import { blobIdOf } from "../workspace/moved-file.js";
import { statFile } from "../workspace/stat-file.js";
import type { AdoptEntry } from "../workspace/workspace.js";

/** Plain values: it goes from thread to thread. */
export interface PlacedPart {
  /** Files that this made: positions in the part, and inodes. */
  readonly placed: readonly (readonly [at: number, ino: bigint])[];
  /** Paths that had a file already. */
  readonly present: number;
  /** Why others could not be placed: for reasons of their own, which keep nobody else away. */
  readonly failed: readonly {
    readonly path: string;
    readonly code: "EBUSY" | "EIO";
    readonly message: string;
  }[];
}

/** Files between two signs of life: the intent's time bounds what a killed run has done (recover.ts). */
const TOUCHED = 16;

/** @throws what is nothing of one file: a full disk, say. */
export async function placePart(
  store: ContentStore,
  root: string,
  staging: string,
  entries: readonly AdoptEntry[],
): Promise<PlacedPart> {
  const placed: [number, bigint][] = [];
  const failed: { path: string; code: "EBUSY" | "EIO"; message: string }[] = [];
  let present = 0;
  for (const [at, entry] of entries.entries()) {
    if (at % TOUCHED === TOUCHED - 1) touchIntent(root);
    const path = join(root, entry.path);
    try {
      if (statFile(path)) {
        present += 1;
        continue;
      }
      await store.exportTo(blobIdOf(entry), path, staging, entry.mode, BigInt(entry.mtimeNs));
    } catch (error) {
      if (isErrno(error, "EEXIST")) present += 1;
      else failed.push({ path: entry.path, ...reasonOf(error, entry.path) });
      continue;
    }
    const stat = statFile(path);
    if (stat) placed.push([at, stat.ino]);
  }
  touchIntent(root);
  return { placed, present, failed };
}

function reasonOf(
  error: unknown,
  path: string,
): { readonly code: "EBUSY" | "EIO"; readonly message: string } {
  if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM", "EISDIR", "ENAMETOOLONG")) {
    const why = (error as NodeJS.ErrnoException).code;
    return { code: "EBUSY", message: `${path} cannot be put in its place: ${why}` };
  }
  if (error instanceof VriftError && error.code === "EIO")
    return { code: "EIO", message: toVriftError(error).message };
  throw error;
}

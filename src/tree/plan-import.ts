/** What an import of a tree would do: looked at, not read, and nothing is changed. */
import { closeSync, constants, fstatSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../platform/files.js";
import { native } from "../platform/native.js";
import { PROJECT_DIR } from "../platform/paths.js";
import { type ScanEntry, scanTree } from "../platform/scan.js";
import { storeLayout } from "../store/blob-names.js";
import { createPrivateFile } from "../store/private-file.js";
import type { ImportMethod } from "../store/store.js";
import type { PhysicalReason } from "../workspace/policy.js";
import { chooseCandidates } from "./candidates.js";
import type { TreeContext } from "./context.js";
import { realDirectory } from "./refusal.js";
import { totalSize } from "./take-batch.js";

export interface ImportPlan {
  readonly root: string;
  /** Those that may go, as far as a look at their names and stats tells, and the bytes of their content. */
  readonly files: number;
  readonly bytes: bigint;
  /** How content that the store does not have would come in. */
  readonly method: ImportMethod;
  readonly physical: Readonly<Partial<Record<PhysicalReason, number>>>;
}

/** @param how as `importFile` of the store: `link` for files that leave the tree. */
export async function planImport(
  path: string,
  { store, progress }: TreeContext,
  how: "link" | "copy",
): Promise<ImportPlan> {
  const root = realDirectory(path);
  progress.begin("scan", 0, 0n);
  const physical: Partial<Record<PhysicalReason, number>> = {};
  const candidates = chooseCandidates(root, await scanTree(root, [PROJECT_DIR]), (reason) => {
    physical[reason] = (physical[reason] ?? 0) + 1;
  });
  return {
    root,
    files: candidates.length,
    bytes: totalSize(candidates),
    method: methodFor(store.path, root, candidates, how),
    physical,
  };
}

/** Tried with a file of the tree, into one that never has a name. */
function methodFor(
  source: string,
  root: string,
  candidates: readonly ScanEntry[],
  how: "link" | "copy",
): ImportMethod {
  const { blobs, incoming } = storeLayout(source);
  if (how === "link" && statSync(blobs).dev === statSync(root).dev) return "link";
  const sample = candidates.find(({ size }) => size > 0n);
  if (sample === undefined) return "empty";
  try {
    const from = openSync(join(root, sample.key), constants.O_RDONLY | constants.O_NOFOLLOW);
    const to = createPrivateFile(incoming, "probe");
    try {
      return fstatSync(from).isFile() && native.reflink(to.fd, from) ? "reflink" : "copy";
    } finally {
      to.close();
      closeSync(from);
    }
  } catch (error) {
    if (isErrno(error, "ENOENT", "EACCES", "ELOOP")) return "copy";
    throw error;
  }
}

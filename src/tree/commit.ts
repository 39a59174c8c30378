/** `vrift commit`: what programs have written in a phantom workspace goes into the store, now (docs/commit.md). */
import { VriftError } from "../platform/errors.js";
import type { CommitReport } from "../workspace/committer.js";
import { assertNotRestoring } from "../workspace/restoring.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";
import type { TreeContext } from "./context.js";
import { assertComplete, assertNotInsidePhantom, realDirectory } from "./refusal.js";

export interface CommitSummary extends CommitReport {
  readonly workspace: WorkspaceInfo;
}

/** VRIFT_NOT_PHANTOM: the files of a solid workspace are its own; `vrift ingest` copies them. */
export async function commit(
  path: string,
  { access, home }: TreeContext,
  also: { readonly dehydrate: boolean },
): Promise<CommitSummary> {
  const root = realDirectory(path);
  assertNotInsidePhantom(root);
  assertComplete(root);
  const workspace = await access.open(root);
  if (workspace.kind !== "phantom")
    throw new VriftError("VRIFT_NOT_PHANTOM", `${root} is not a phantom workspace`);
  assertNotRestoring(home, workspace);
  const report = await access.commit(root, also);
  return { ...report, workspace: await access.open(root) };
}

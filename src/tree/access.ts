/**
 * What a tree procedure asks of the owner of manifest and index: the operations of src/daemon/control.ts, whoever serves
 * them. Two implementations: control-access.ts (the daemon) and local-access.ts (this process, under the daemon's lock).
 */
import type { CommitReport } from "../workspace/committer.js";
import type { AdoptEntry, ResyncReport, WorkspaceInfo } from "../workspace/workspace.js";

export interface Refusal {
  readonly path: string;
  readonly reason: string;
}

export interface WorkspaceAccess {
  /** Opens the workspace at `root` (absolute); `phantom` makes a solid one phantom, with `.vrift/` and no entries yet. */
  open(root: string, options?: { readonly phantom?: boolean }): Promise<WorkspaceInfo>;
  /** Workspace.adopt: durable when it resolves. */
  adopt(root: string, entries: readonly AdoptEntry[], as: "virtual" | "backed"): Promise<readonly Refusal[]>;
  /** Virtual entries by key order after `after` ("" for the first page). Empty: there are no more. */
  entries(root: string, after: string, limit: number): Promise<readonly AdoptEntry[]>;
  /** Resync with the tree, then durable. */
  sync(root: string): Promise<ResyncReport>;
  /** ProjectWorkspace.commit: durable when it resolves. */
  commit(root: string, also: { readonly dehydrate: boolean }): Promise<CommitReport>;
  /** Registers `dst`, whose directories and physical files are there, with the virtual entries of `src`. */
  clone(src: string, dst: string): Promise<WorkspaceInfo>;
  /** EBUSY while a virtual entry has no file. After it `.vrift/` is gone. */
  solidify(root: string): Promise<ResyncReport>;
  close(): Promise<void>;
}

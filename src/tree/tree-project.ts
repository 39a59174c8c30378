import type { OpenProject } from "../workspace/registry.js";
import type { CommitReport } from "../workspace/committer.js";
import type { AdoptEntry, ResyncReport } from "../workspace/workspace.js";
import type { Refusal } from "./access.js";

/** What WorkspaceAccess asks of a project without vriftd, wherever its owner runs. */
export interface TreeProject extends OpenProject {
  adopt(
    entries: readonly AdoptEntry[],
    as: "virtual" | "backed",
  ): Promise<{ readonly refused: readonly Refusal[] }>;
  entries(after: string, limit: number): Promise<readonly AdoptEntry[]>;
  commit(also: { readonly dehydrate: boolean }): Promise<CommitReport>;
  /** Resync with the tree, then durable. */
  sync(): Promise<ResyncReport>;
}

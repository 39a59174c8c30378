/** A project whose vdir_d lives while no vriftd does: its control socket serves what a workspace in this process would. */
import { setTimeout as wait } from "node:timers/promises";
import { connectProjectControl } from "../client/control-client.js";
import type { ProjectControlClient } from "../client/control-client.js";
import { VriftError } from "../platform/errors.js";
import type { WorkspacePaths } from "../platform/paths.js";
import { ownerOf } from "../workspace/owner-lock.js";
import type { CommitReport } from "../workspace/committer.js";
import type { AdoptEntry, ResyncReport, WorkspaceInfo } from "../workspace/workspace.js";
import type { TreeProject } from "./tree-project.js";

const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 10;

export class AttachedProject implements TreeProject {
  readonly #paths: WorkspacePaths;
  readonly #line: ProjectControlClient;
  readonly info: WorkspaceInfo;

  private constructor(paths: WorkspacePaths, line: ProjectControlClient, info: WorkspaceInfo) {
    this.#paths = paths;
    this.#line = line;
    this.info = info;
  }

  /** Resolves when its workspace is open. @throws VriftError ECONNREFUSED, ECONNRESET when it is just ending; as opening does. */
  static async open(paths: WorkspacePaths): Promise<AttachedProject> {
    const line = await connectProjectControl(paths.control);
    try {
      return new AttachedProject(paths, line, (await line.call("info", {})).workspace);
    } catch (error) {
      line.close();
      throw error;
    }
  }

  get isOpen(): boolean {
    return this.#line.usable;
  }

  async adopt(entries: readonly AdoptEntry[], as: "virtual" | "backed") {
    return this.#line.call("adopt", { entries: [...entries], as });
  }

  async entries(after: string, limit: number): Promise<readonly AdoptEntry[]> {
    return (await this.#line.call("entries", { after, limit })).entries;
  }

  async sync(): Promise<ResyncReport> {
    return (await this.#line.call("sync", { durable: true })).report;
  }

  async commit({ dehydrate }: { readonly dehydrate: boolean }): Promise<CommitReport> {
    return (await this.#line.call("commit", { dehydrate })).report;
  }

  async resync(): Promise<ResyncReport> {
    return (await this.#line.call("sync", { durable: false })).report;
  }

  async found(to: string): Promise<string> {
    return (await this.#line.call("found", { to })).id;
  }

  async readyToSolidify(): Promise<ResyncReport> {
    return (await this.#line.call("readyToSolidify", {})).report;
  }

  /** Leaves it running. */
  release(): void {
    this.#line.close();
  }

  /** Ends the process. EBUSY when it does not end, or another one takes its place. */
  async close(): Promise<void> {
    if (!this.isOpen) return;
    await this.#line.call("stop", {});
    this.release();
    for (
      const deadline = Date.now() + STOP_TIMEOUT_MS;
      ownerOf(this.#paths.lock) !== undefined;
      await wait(POLL_MS)
    )
      if (Date.now() > deadline)
        throw new VriftError("EBUSY", `the process of ${this.info.root} does not end`);
  }
}

/**
 * The workspace that the specification's manifest export shows: `default_workspace`, or the first one that is opened. For
 * the default home in /tmp, where the specification has it; for others beside the index.
 */
import { realpathSync } from "node:fs";
import type { Log } from "../platform/log.js";
import type { Home } from "../platform/paths.js";
import { SPECIFIED_EXPORT, workspacePaths } from "../platform/paths.js";
import { ManifestExport } from "../vdir/export-v1.js";
import type { ProjectWorkspace } from "../workspace/project-workspace.js";

export class ExportedWorkspace {
  readonly #home: Home;
  readonly #wanted: string | undefined;
  readonly #log: Log;
  #shown: { readonly workspace: ProjectWorkspace; readonly file: ManifestExport } | undefined;

  /** @param wanted root of the workspace to show. */
  constructor(home: Home, wanted: string | undefined, log: Log) {
    this.#home = home;
    this.#wanted = wanted;
    this.#log = log;
  }

  opened(workspace: ProjectWorkspace): void {
    const { root, id } = workspace.info;
    if (this.#shown !== undefined || (this.#wanted !== undefined && realPath(this.#wanted) !== root)) return;
    const path = this.#home.isDefault ? SPECIFIED_EXPORT : workspacePaths(this.#home, id).exportFile;
    const file = new ManifestExport(path, (error) => this.#log.error("export failed", error, { path }));
    const write = (): void => file.schedule(() => workspace.indexHandle);
    this.#shown = { workspace, file };
    workspace.onIndexed = write;
    write();
  }

  /** Its export ends before its index does. */
  async closing(workspace: ProjectWorkspace): Promise<void> {
    if (this.#shown?.workspace !== workspace) return;
    const { file } = this.#shown;
    this.#shown = undefined;
    workspace.onIndexed = () => undefined;
    await file.close();
  }
}

/** The path itself while nothing is there. */
function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}

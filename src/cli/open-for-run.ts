/** The workspace as `vrift run` needs it. Nothing here may keep COMMAND from running, but a request it cannot honour. */
import type { Context } from "./command.js";

export interface RunRequest {
  readonly root: string | undefined;
  /** Put every virtual file in place first. */
  readonly hydrate: boolean;
}

export interface RunView {
  /** The library, for LD_PRELOAD. */
  readonly preload: string;
  /** What it maps. */
  readonly index: string;
  /** Some files are there only for whom the library is loaded. */
  readonly phantom: boolean;
}

export function openForRun(_context: Context, _request: RunRequest): Promise<RunView | null> {
  return Promise.resolve(null);
}

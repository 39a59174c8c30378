/** What every tree procedure is given. */
import type { Home } from "../platform/paths.js";
import type { ContentStore } from "../store/store.js";
import type { WorkspaceAccess } from "./access.js";
import type { Progress } from "./progress.js";

export interface TreeContext {
  readonly home: Home;
  readonly store: ContentStore;
  readonly access: WorkspaceAccess;
  readonly progress: Progress;
}

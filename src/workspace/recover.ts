/** Finishes what a killed phantom, solid or hydrate left in `.vrift/moving/`; under the tree lock. */
import { readdirSync } from "node:fs";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { projectPaths } from "../platform/paths.js";
import type { ContentStore } from "../store/store.js";
import { restoreDirectories } from "./recorded-directories.js";
import { movingDirectory, movingPath, readIntent, removeIntent } from "./intent.js";
import { settle } from "./moved-file.js";
import { statFile } from "./stat-file.js";

export interface RecoverSummary {
  readonly removed: number;
  readonly returned: number;
  /** Keys of inodes that could not go back to their own path. */
  readonly kept: readonly string[];
}

const NOTHING: RecoverSummary = { removed: 0, returned: 0, kept: [] };

/** A directory whose last change lies outside the run by more than this has been changed by somebody else. */
const EARLIER_NS = 20_000_000n;
const LATER_NS = 2_000_000_000n;

/** True when `recover` has something to do: one look, for commands that only want to say so. */
export function isInterrupted(root: string): boolean {
  return statFile(projectPaths(root).intent) !== undefined;
}

export async function recover(store: ContentStore, root: string): Promise<RecoverSummary> {
  const intent = readIntent(root);
  if (!intent) {
    assertEmpty(root);
    removeIntent(root);
    return NOTHING;
  }
  let removed = 0;
  let returned = 0;
  const kept: string[] = [];
  for (const file of intent.files) {
    if (!statFile(movingPath(root, file.n))) continue;
    const settled = await settle(store, root, { file, rehash: true, linked: false });
    if (settled.outcome === "removed") removed += 1;
    else {
      returned += 1;
      if (settled.kept !== null) kept.push(settled.kept);
    }
  }
  const { beganNs, lastNs } = intent;
  restoreDirectories(
    root,
    intent.directories,
    (mtimeNs) => mtimeNs < beganNs - EARLIER_NS || mtimeNs > lastNs + LATER_NS,
  );
  removeIntent(root);
  return { removed, returned, kept };
}

/** Without an intent nothing may be here: nobody knows whose it was. */
function assertEmpty(root: string): void {
  const directory = movingDirectory(root);
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return;
    throw error;
  }
  const lost = names.filter((name) => /^[0-9]+$/.test(name));
  if (lost.length === 0) return;
  throw new VriftError(
    "VRIFT_DAMAGED",
    `${directory} holds ${lost.length} files of an interrupted command without its list`,
  );
}

/** WORKSPACE as typed at a shell: a directory, also one that is gone, or an id. */
import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { VriftError } from "../platform/errors.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";
import type { Context } from "./command.js";
import { knownWorkspaces } from "./known-workspaces.js";

/** ENOENT: the home knows none there. A directory that was a workspace more than once is named by its id. */
export async function knownWorkspace(context: Context, word: string): Promise<WorkspaceInfo> {
  const all = await knownWorkspaces(context);
  const path = realPath(resolve(context.cwd, word));
  const found = all.filter(({ id, root }) => id === word || root === path);
  const [first] = found;
  if (first === undefined)
    throw new VriftError("ENOENT", `no workspace of this home is ${word}; \`vrift list\` shows them`);
  if (found.length > 1) {
    const ids = found.map(({ id, kind }) => `${id} (${kind})`).join(", ");
    throw new VriftError("EINVAL", `${word} names ${found.length} workspaces: ${ids}; name one by its id`);
  }
  return first;
}

function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}

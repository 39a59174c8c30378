/** Which directory is the workspace (ANSWERS, "Workspace root"). */
import { lstatSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { VriftError } from "../platform/errors.js";
import { PROJECT_DIR } from "../platform/paths.js";

export interface RootQuestion {
  /** Where to start: the working directory, or a path inside the workspace. */
  readonly from: string;
  /** --root. */
  readonly explicit?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** `~/.vrift` or VRIFT_HOME: a `.vrift` that is this directory marks no project. */
  readonly homeRoot: string;
  /** Is this real path a workspace the daemon knows? */
  readonly registered: (directory: string) => boolean;
}

/**
 * Real path of the root: `explicit`, else the nearest ancestor-or-self of `from` that is a workspace, else the nearest
 * with `.git`, else `from` itself (its nearest directory).
 * @throws VriftError ENOENT, ENOTDIR; VRIFT_ROOT_REFUSED for `/`, $HOME and /tmp found without --root.
 */
export function resolveRoot(question: RootQuestion): string {
  if (question.explicit !== undefined) return explicitRoot(resolve(question.from, question.explicit));
  const start = nearestDirectory(question.from);
  const refused = refusedRoots(question.env);
  const ancestors = ancestorsOf(start);
  const root =
    ancestors.find((directory) => isProject(directory, question) || question.registered(directory)) ??
    // A dotfiles repository in $HOME does not make every directory below it one project.
    ancestors.find((directory) => exists(join(directory, ".git")) && !refused.has(directory)) ??
    start;
  if (refused.has(root)) {
    throw new VriftError("VRIFT_ROOT_REFUSED", `${root} is too wide to be one workspace by accident`);
  }
  return root;
}

function explicitRoot(path: string): string {
  const root = realpath(path);
  if (!statSync(root).isDirectory()) throw new VriftError("ENOTDIR", `the root ${root} is not a directory`);
  return root;
}

/** The path itself, or the nearest of its ancestors, that is a directory. ENOENT when not even its parent exists. */
function nearestDirectory(path: string): string {
  const status = statSync(path, { throwIfNoEntry: false });
  return status?.isDirectory() ? realpath(path) : realpath(dirname(path));
}

function realpath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    throw new VriftError(code, `there is no directory ${path}`);
  }
}

function ancestorsOf(directory: string): string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [directory, ...ancestorsOf(parent)];
}

/**
 * Has it a `.vrift/` of a project? The homes of this and of other users have a `.vrift/` too: the place where everything is
 * kept, told by its `sockets`.
 */
function isProject(directory: string, { homeRoot }: RootQuestion): boolean {
  const mark = join(directory, PROJECT_DIR);
  if (!lstatSync(mark, { throwIfNoEntry: false })?.isDirectory()) return false;
  return mark !== homeRoot && (exists(join(mark, "workspace")) || !exists(join(mark, "sockets")));
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function refusedRoots(env: NodeJS.ProcessEnv): ReadonlySet<string> {
  const wide = ["/", "/tmp", env["HOME"] || homedir()];
  return new Set(wide.flatMap((path) => [path, existingRealpath(path)]));
}

function existingRealpath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}

/** A path as typed at a shell into a workspace and a key in it. */
import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { knownWorkspaces } from "../workspace/known.js";
import type { Context } from "./command.js";
import { resolveRoot } from "../workspace/root.js";

export interface Located {
  /** Real path of the workspace's root. */
  readonly root: string;
  /** Relative to it; "" is the root itself. */
  readonly key: string;
}

/** The root that a command works on: --root, or looked for from `from` upwards. */
export function workspaceRoot(context: Context, from: string = context.cwd): string {
  let known: ReadonlySet<string> | undefined;
  return resolveRoot({
    from,
    explicit: context.value("root"),
    env: context.env,
    homeRoot: context.home.root,
    registered: (directory) => {
      known ??= new Set(knownWorkspaces(context.home).map(({ root }) => root));
      return known.has(directory);
    },
  });
}

/**
 * Directories and links are always physical, so the kernel resolves all but the last component; that too when it is a
 * directory, but a link at the end is named itself.
 */
export function locate(context: Context, path: string): Located {
  const absolute = resolve(context.cwd, path);
  const real = isRealDirectory(absolute)
    ? realpathSync.native(absolute)
    : join(realParent(absolute), basename(absolute));
  const root = workspaceRoot(context, context.value("root") === undefined ? real : context.cwd);
  const key = relative(root, real);
  if (key === ".." || key.startsWith("../"))
    throw new VriftError("EINVAL", `${path} is outside of the workspace ${root}`);
  return { root, key };
}

function isRealDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function realParent(path: string): string {
  const parent = dirname(path);
  try {
    return realpathSync.native(parent);
  } catch (error) {
    if (isErrno(error, "ENOENT")) throw new VriftError("ENOENT", `there is no ${path}`, { cause: error });
    throw error;
  }
}

/** The workspace as `vrift run` needs it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { toVriftError, VriftError } from "../platform/errors.js";
import { START_WAIT_MS } from "../platform/limits.js";
import { PROJECT_DIR, workspacePaths } from "../platform/paths.js";
import type { Home } from "../platform/paths.js";
import type { Context } from "./command.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";
import { connectDaemon } from "./connect-daemon.js";
import { daemonStatus } from "./daemon-status.js";
import { libraryPath } from "./library-path.js";
import { workspaceRoot } from "./located.js";

/** How often the daemon is asked whether it lives, while it is at work for us. */
const WATCH_MS = 2000;

export interface RunView {
  /** The library, for LD_PRELOAD. */
  readonly preload: string;
  /** What it maps. */
  readonly index: string;
  /** Some files are there only for whom the library is loaded. */
  readonly phantom: boolean;
}

/**
 * null: COMMAND runs without the library. Nothing depends on vrift, so whatever is in the way of a view is a line on
 * standard error; only a request that cannot be honoured is thrown.
 * @throws VriftError VRIFT_ROOT_REFUSED and others of the root; of --hydrate, when a file could not be put in place.
 */
export async function openForRun(context: Context): Promise<RunView | null> {
  const root = workspaceRoot(context);
  await sayInterrupted(context, root);
  const view = (await viewOfDaemon(context, root)) ?? (await viewWithoutDaemon(context, root));
  if (view?.phantom && context.flag("hydrate")) await hydrate(context, root);
  return view;
}

/**
 * Files that a killed phantom, solid or hydrate was just moving stand in `.vrift/moving/`, where programs do not look. To put them
 * back takes the tree's lock and the store, and what was interrupted may be wanted: whoever runs it decides.
 */
async function sayInterrupted({ home, note }: Context, root: string): Promise<void> {
  if (!existsSync(join(root, PROJECT_DIR))) return;
  const { isInterrupted } = await import("../workspace/recover.js");
  if (!isInterrupted(root)) return;
  const [{ isTreeLocked }, { readWorkspaceFile }] = await Promise.all([
    import("../workspace/tree-lock.js"),
    import("../platform/workspace-id.js"),
  ]);
  const file = readWorkspaceFile(root);
  // It is not interrupted: it runs.
  if (file !== undefined && isTreeLocked(workspacePaths(home, file.id).run)) return;
  note(
    `vrift: a command that moved the files of ${root} was interrupted, and some may be missing\n` +
      `  Finish it with 'vrift phantom ${root}', or bring every file back with 'vrift solid ${root}'.`,
  );
}

async function viewOfDaemon(context: Context, root: string): Promise<RunView | null> {
  try {
    const control = await connectDaemon(context);
    try {
      const opened = whileAlive(context.home, control.call("open", { root }));
      const { index, kind } = await atOnceWhenSolid(
        context.home,
        root,
        opened.then(({ workspace }) => workspace),
      );
      return { preload: libraryPath(context.home), index, phantom: kind === "phantom" };
    } finally {
      control.close();
    }
  } catch (error) {
    const { code, message } = toVriftError(error);
    context.note(`vrift: ${code}: ${message}; going on without the daemon`);
    return null;
  }
}

/** COMMAND does not wait until a large directory is known: it asks the kernel, and what it starts later finds the index there. */
async function atOnceWhenSolid(
  home: Home,
  root: string,
  opened: Promise<Pick<WorkspaceInfo, "index" | "kind">>,
): Promise<Pick<WorkspaceInfo, "index" | "kind">> {
  if (existsSync(join(root, PROJECT_DIR))) return opened;
  const { solidId } = await import("../platform/workspace-id.js");
  const late = new AbortController();
  const { index } = workspacePaths(home, solidId(root));
  const waited = wait(START_WAIT_MS, { index, kind: "solid" as const }, { signal: late.signal });
  waited.catch(() => undefined);
  try {
    return await Promise.race([opened, waited]);
  } finally {
    opened.catch(() => undefined);
    late.abort();
  }
}

/** Opening a large tree takes its time, in which the daemon answers others; one that does not any more is given up. */
async function whileAlive<T>(home: Home, work: Promise<T>): Promise<T> {
  const done = new AbortController();
  const watch = async (): Promise<never> => {
    for (;;) {
      await wait(WATCH_MS, undefined, { signal: done.signal });
      await daemonStatus(home);
    }
  };
  const watching = watch();
  try {
    return await Promise.race([work, watching]);
  } finally {
    done.abort();
    watching.catch(() => undefined);
    work.catch(() => undefined);
  }
}

/**
 * A phantom tree's index outlives the daemon, and the library asks the kernel first then. A solid tree needs nothing: its
 * files are where they were.
 */
async function viewWithoutDaemon({ home, note }: Context, root: string): Promise<RunView | null> {
  try {
    const { readWorkspaceFile } = await import("../workspace/identity.js");
    const file = readWorkspaceFile(root);
    if (file === undefined) return null;
    const { index } = workspacePaths(home, file.id);
    if (!existsSync(index))
      throw new VriftError("VRIFT_DAMAGED", `${root} is phantom and has no index at ${index}`);
    return { preload: libraryPath(home), index, phantom: true };
  } catch (error) {
    const { code, message, hint } = toVriftError(error);
    note(`vrift: ${code}: ${message}; only files that are on disk will be seen\n  ${hint}`);
    return null;
  }
}

async function hydrate(context: Context, root: string): Promise<void> {
  const [{ withTree }, { hydrate: putInPlace }, { configured }] = await Promise.all([
    import("./with-tree.js"),
    import("../tree/solid.js"),
    import("./configured.js"),
  ]);
  const { failed } = await withTree({ ...context, home: await configured(context.home) }, (tree) =>
    putInPlace(root, tree),
  );
  const [first] = failed;
  if (first) throw first.error;
}

/** A home, a store and trees in a temporary directory, and the exact listing of a tree. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { connectControl } from "../../src/client/control-client.js";
import { Daemon } from "../../src/daemon/daemon.js";
import { loadConfig } from "../../src/platform/config.js";
import { silentLog } from "../../src/platform/log.js";
import { type Home, resolveHome } from "../../src/platform/paths.js";
import { openStore } from "../../src/store/content-store.js";
import type { ContentStore } from "../../src/store/store.js";
import type { WorkspaceAccess } from "../../src/tree/access.js";
import type { TreeContext } from "../../src/tree/context.js";
import { controlAccess } from "../../src/tree/control-access.js";
import { openLocalAccess } from "../../src/tree/local-access.js";
import { noProgress } from "../../src/tree/progress.js";
import { takeOwnerLock } from "../../src/workspace/owner-lock.js";
import { endProjects } from "../end-projects.js";
import { FileAccess } from "./file-access.js";

/** `daemon`: a vriftd in this process, over its control socket, with a vdir_d for each project. */
export type AccessKind = "file" | "local" | "daemon";
export const ACCESS_KINDS: readonly AccessKind[] = ["file", "local", "daemon"];

export interface Fixture {
  readonly directory: string;
  readonly home: Home;
  readonly store: ContentStore;
  readonly context: TreeContext;
}

export async function makeFixture(test: TestContext, kind: AccessKind): Promise<Fixture> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "vrift-tree-")));
  const { fixture, close } = await openFixture(directory, kind);
  test.after(async () => {
    await close();
    await endProjects(join(directory, "home"));
    removeTree(directory);
  });
  return fixture;
}

/** Whatever modes its directories have. */
export function removeTree(path: string): void {
  execFileSync("chmod", ["-R", "u+rwX", path]);
  rmSync(path, { recursive: true });
}

/** Also what a child process calls: everything follows from the directory. */
export async function openFixture(
  directory: string,
  kind: AccessKind,
): Promise<{ fixture: Fixture; close: () => Promise<void> }> {
  const home = resolveHome({ VRIFT_HOME: join(directory, "home"), HOME: directory });
  const store = await openStore(home.source);
  const { access, stop } = await openAccess(home, store, kind);
  const context = { home, store, access, progress: noProgress };
  const close = async (): Promise<void> => {
    await access.close();
    await stop();
    store.close();
  };
  return { fixture: { directory, home, store, context }, close };
}

async function openAccess(
  home: Home,
  store: ContentStore,
  kind: AccessKind,
): Promise<{ access: WorkspaceAccess; stop: () => Promise<void> }> {
  const nothing = async (): Promise<void> => {};
  if (kind === "file") return { access: new FileAccess(home), stop: nothing };
  if (kind === "local") return { access: openLocalAccess(home, store, silentLog), stop: nothing };
  const lock = takeOwnerLock(home.daemonLock);
  if (!lock) throw new Error(`${home.root} has a daemon`);
  const config = await loadConfig({ home });
  const daemon = new Daemon({ home, config, log: silentLog, store: await openStore(home.source), lock });
  await daemon.listen();
  const access = controlAccess(await connectControl({ socketPath: home.controlSocket }));
  return { access, stop: () => daemon.stop() };
}

/**
 * Every name with type, mode, size, mtime in nanoseconds, link count, link target and, of files, content: what "restored"
 * means. The size of a directory is the file system's affair. Bytes of names are shown as Latin-1.
 */
export function listing(root: string): string[] {
  const find = execFileSync(
    "find",
    [
      root,
      "-type",
      "d",
      "-printf",
      "%P %y %m %T@ %n %U:%G\\0",
      "-o",
      "-printf",
      "%P %y %m %s %T@ %n %l %U:%G\\0",
    ],
    { encoding: "latin1", maxBuffer: 1 << 28 },
  );
  const sums = execFileSync("find", [root, "-type", "f", "-exec", "md5sum", "-z", "{}", "+"], {
    encoding: "latin1",
    maxBuffer: 1 << 28,
  });
  return [...find.split("\0"), ...sums.replaceAll(`${root}/`, "").split("\0")]
    .filter((line) => line !== "")
    .sort();
}

/** A home, a store and trees in a temporary directory, and the exact listing of a tree. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Home, resolveHome } from "../../src/platform/paths.js";
import { openStore } from "../../src/store/content-store.js";
import type { ContentStore } from "../../src/store/store.js";
import type { TreeContext } from "../../src/tree/context.js";
import { noProgress } from "../../src/tree/progress.js";
import { FileAccess } from "./file-access.js";

export interface Fixture {
  readonly directory: string;
  readonly home: Home;
  readonly store: ContentStore;
  readonly context: TreeContext;
}

export async function makeFixture(test: TestContext): Promise<Fixture> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "vrift-tree-")));
  test.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return await openFixture(directory);
}

/** Also what a child process calls: everything follows from the directory. */
export async function openFixture(directory: string): Promise<Fixture> {
  const home = resolveHome({ VRIFT_HOME: join(directory, "home"), HOME: directory });
  const store = await openStore(home.source);
  const context = { home, store, access: new FileAccess(home), progress: noProgress };
  return { directory, home, store, context };
}

/**
 * Every name with type, mode, size, mtime in nanoseconds, link count, link target and, of files, content: what "restored"
 * means. The size of a directory is the file system's affair.
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

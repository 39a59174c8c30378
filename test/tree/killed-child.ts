/**
 * A process that runs one tree procedure and kills itself with SIGKILL right before the n-th change it would make to the
 * file system: every call that changes a name, an inode or a byte counts. Prints the number of calls when it gets through.
 * Arguments: n, access kind, fixture directory, procedure, its arguments.
 */
import type { TreeContext } from "../../src/tree/context.js";
import { countCalls } from "../kill-before-call.js";

const procedures: Readonly<
  Record<string, (context: TreeContext, first: string, second: string) => Promise<unknown>>
> = {
  phantom: async (context, root) =>
    (await import("../../src/tree/phantom.js")).phantom(root, context, { yes: true }),
  solid: async (context, root) => (await import("../../src/tree/solid.js")).solid(root, context),
  clone: async (context, src, dst) => (await import("../../src/tree/clone.js")).clone(src, dst, context),
  snapshot: async (context, root, name) =>
    (await import("../../src/tree/snapshot.js")).snapshot(root, name, context),
  forget: async ({ home, store }, root) => {
    const { knownWorkspaces } = await import("../../src/workspace/known.js");
    const { forget } = await import("../../src/tree/forget.js");
    for (const info of knownWorkspaces(home))
      if (info.root === root) await forget(info, { home, store }, { discard: true });
  },
  adopt: async (context, root) => (await import("../../src/tree/adopt.js")).adoptChanges(root, [""], context),
  restore: async (context, root, name) =>
    (await import("../../src/tree/restore.js")).restore(root, name, context),
};

async function main([at, kind, directory, procedure, ...paths]: string[]): Promise<void> {
  const counter = countCalls();
  const { openFixture } = await import("./fixture.js");
  const { fixture, close } = await openFixture(directory!, kind as "file" | "local");
  const { context } = fixture;
  const [first, second] = paths as [string, string];
  const before = counter.calls;
  counter.killBefore(Number(at));
  await procedures[procedure!]!(context, first, second);
  const made = counter.calls - before;
  counter.killBefore(Infinity);
  await close();
  process.stdout.write(String(made));
}

await main(process.argv.slice(2));

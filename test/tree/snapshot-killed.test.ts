/** Whatever change of snapshot or restore is the last one: the tree is the one before, or the next restore completes it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { forget } from "../../src/tree/forget.js";
import { type RestoreSummary, restore } from "../../src/tree/restore.js";
import { hydrate } from "../../src/tree/solid.js";
import { phantom } from "../../src/tree/phantom.js";
import { removeSnapshot, snapshot } from "../../src/tree/snapshot.js";
import { knownWorkspaces } from "../../src/workspace/known.js";
import { listSnapshots } from "../../src/workspace/snapshots.js";
import { changeTree } from "./change-tree.js";
import { type Fixture, listing } from "./fixture.js";
import { type Round, killPoints, runKilled, startRound } from "./run-killed.js";

const KINDS = ["solid", "phantom"] as const;
const everything = { has: () => false };

/** The tree with its snapshot `one`, then changed. Resolves with the listing before and after the changes, as plain files. */
async function prepare(
  round: Round,
  kind: (typeof KINDS)[number],
): Promise<{ before: string[]; after: string[] }> {
  const { root, within } = round;
  return await within(async ({ context }) => {
    if (kind === "phantom") await phantom(root, context, { yes: true });
    await snapshot(root, "one", context);
    if (kind === "phantom") await hydrate(root, context);
    const before = lines(root);
    changeTree(root);
    return { before, after: lines(root) };
  });
}

/** Without our own directory, and what no snapshot has. The root's time moves when `.vrift` is made. */
function own(list: readonly string[]): string[] {
  return list.filter((line) => !/\.vrift|(^|\s)\.env(\s|$)|^ d /.test(line));
}

function lines(root: string): string[] {
  return own(listing(root));
}

function withoutTimes(list: readonly string[]): string[] {
  return list.map((line) => line.replace(/ -?\d+\.\d{10}/, ""));
}

/** As plain files. */
async function plain(fixture: Fixture, root: string, kind: string): Promise<string[]> {
  if (kind === "phantom") await hydrate(root, fixture.context);
  return lines(root);
}

/** Every list of the store is one of a snapshot. */
async function assertNoOrphans({ context, store }: Fixture, root: string): Promise<void> {
  const workspace = await context.access.open(root);
  const known = new Set(listSnapshots(context.home, workspace).map(({ roots }) => roots));
  for (const name of store.rootNames()) if (name.startsWith("snapshot-")) assert.ok(known.has(name), name);
  for (const name of known) assert.ok(store.rootNames().includes(name), name);
}

for (const kind of KINDS) {
  test(`restore of a ${kind} tree killed anywhere`, async (t) => {
    const points = await killPoints(
      t,
      "restore",
      async (round) => {
        await prepare(round, kind);
        return [round.root, "one"];
      },
      2,
    );
    for (const at of points) {
      const round = await startRound(t);
      const { directory, root, within } = round;
      const { before, after } = await prepare(round, kind);
      // A commit of the manifest more or less: the last of the points may not be reached. It is as good as any other.
      await runKilled(at, directory, "restore", root, "one");
      await within(async (fixture) => {
        const { context, store } = fixture;
        await store.sweep(everything, { graceMs: 0 });
        if (at % 2 === 0) {
          await restore(root, "one", context);
          assert.deepEqual(await plain(fixture, root, kind), before, `killed before change ${at}, completed`);
        } else {
          await takeBack(fixture, root);
          const found = await plain(fixture, root, kind);
          assert.deepEqual(
            withoutTimes(found),
            withoutTimes(after),
            `killed before change ${at}, taken back`,
          );
          await restore(root, "one", context);
          assert.deepEqual(await plain(fixture, root, kind), before);
        }
        await assertNoOrphans(fixture, root);
      });
    }
  });
}

/** It may have been killed before there was anything to take back. */
async function takeBack({ context }: Fixture, root: string): Promise<RestoreSummary | undefined> {
  const workspace = await context.access.open(root);
  const has = listSnapshots(context.home, workspace).some(({ name }) => name === "before-restore");
  return has ? await restore(root, "before-restore", context) : undefined;
}

test("snapshot killed anywhere", async (t) => {
  for (const at of await killPoints(t, "snapshot", async ({ root }) => [root, "one"], 2)) {
    const { directory, root, original, within } = await startRound(t);
    await runKilled(at, directory, "snapshot", root, "one");
    assert.deepEqual(listing(root), original);
    await within(async (fixture) => {
      const { context, store } = fixture;
      await store.sweep(everything, { graceMs: 0 });
      const workspace = await context.access.open(root);
      const done = listSnapshots(context.home, workspace).length === 1;
      await snapshot(root, done ? "two" : "one", context);
      await assertNoOrphans(fixture, root);
      changeTree(root);
      await restore(root, "one", context);
      assert.deepEqual(lines(root), own(original));
      for (const { name } of listSnapshots(context.home, workspace))
        await removeSnapshot(root, name, context);
      await store.sweep(everything, { graceMs: 0 });
      assert.equal((await store.usage()).blobs, 0, "nothing is held for ever");
    });
  }
});

test("forget killed anywhere: the home lists the workspace until it is over", async (t) => {
  const begin = async ({ root, within }: Round): Promise<string[]> => {
    await within(async ({ context }) => {
      await phantom(root, context, { yes: true });
      await snapshot(root, "one", context);
    });
    return [root];
  };
  for (const at of await killPoints(t, "forget", begin, 2)) {
    const round = await startRound(t);
    const { directory, root, within } = round;
    await begin(round);
    const physical = listing(root).filter((line) => !/\.vrift|^ d /.test(line));
    await runKilled(at, directory, "forget", root);
    await within(async ({ home, store }) => {
      for (const info of knownWorkspaces(home)) await forget(info, { home, store }, { discard: true });
      assert.deepEqual(knownWorkspaces(home), []);
      assert.deepEqual(store.rootNames(), []);
      await store.sweep(everything, { graceMs: 0 });
      assert.equal((await store.usage()).blobs, 0, `killed before change ${at}`);
    });
    assert.deepEqual(
      listing(root).filter((line) => !line.startsWith(" d ")),
      physical,
    );
  }
});

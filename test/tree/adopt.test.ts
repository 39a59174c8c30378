import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { VriftError } from "../../src/platform/errors.js";
import { adoptChanges } from "../../src/tree/adopt.js";
import { clone } from "../../src/tree/clone.js";
import { diff } from "../../src/tree/diff.js";
import { phantom } from "../../src/tree/phantom.js";
import { restore } from "../../src/tree/restore.js";
import { hydrate } from "../../src/tree/solid.js";
import { readRestoring } from "../../src/workspace/restoring.js";
import { listSnapshots } from "../../src/workspace/snapshots.js";
import { changeTree } from "./change-tree.js";
import { type Fixture, listing, makeFixture } from "./fixture.js";
import { makeOddTree } from "./odd-tree.js";
import { type Round, killPoints, runKilled, startRound } from "./run-killed.js";

interface Pair {
  readonly src: string;
  readonly dst: string;
}

/** A tree and a clone of it, which has everything in place. */
async function pair({ context, directory }: Fixture, src: string, kind: "solid" | "phantom"): Promise<Pair> {
  const dst = join(directory, "dst");
  if (kind === "phantom") await phantom(src, context, { yes: true });
  await clone(src, dst, context);
  await hydrate(dst, context);
  return { src, dst };
}

async function newPair(fixture: Fixture, kind: "solid" | "phantom"): Promise<Pair> {
  const src = join(fixture.directory, "src");
  mkdirSync(src);
  makeOddTree(src);
  return await pair(fixture, src, kind);
}

/** Content and modes; what no snapshot has, and what is no difference (times, who shares an inode), left out. */
function contents(root: string): string[] {
  return listing(root)
    .filter((line) => !/\.vrift|(^|\s)\.env(\s|$)/.test(line))
    .map((line) => line.replace(/^(\S*) d (\d+) \S+ \d+/, "$1 d $2"))
    .map((line) => line.replace(/ (f|l) (\d+ \d+) \S+ \d+ /, " $1 $2 "));
}

async function names(root: string, { context }: Fixture): Promise<string[]> {
  return (await diff(root, null, context)).differences.map(({ key }) => key);
}

for (const kind of ["solid", "phantom"] as const) {
  test(`everything of a clone into its ${kind} source, and back`, async (t) => {
    const fixture = await makeFixture(t, "local");
    const { context } = fixture;
    const { src, dst } = await newPair(fixture, kind);
    if (kind === "phantom") await hydrate(src, context);
    const original = contents(src);
    changeTree(dst);
    const { adopted, conflicts, before } = await adoptChanges(dst, [""], context);
    assert.deepEqual(conflicts, []);
    assert.ok(adopted.length > 15);
    if (kind === "phantom") await hydrate(src, context);
    assert.deepEqual(contents(src), contents(dst));
    assert.deepEqual(await names(dst, fixture), [], "what was adopted is no difference any more");
    assert.deepEqual((await adoptChanges(dst, [""], context)).adopted, []);
    await restore(src, before!, context);
    if (kind === "phantom") await hydrate(src, context);
    assert.deepEqual(contents(src), original);
  });
}

test("only what was named", async (t) => {
  const fixture = await makeFixture(t, "local");
  const { context } = fixture;
  const { src, dst } = await newPair(fixture, "solid");
  changeTree(dst);
  writeFileSync(join(src, "sub/private"), "the source goes on");
  const { adopted } = await adoptChanges(dst, ["plain.txt", "new/deeper/file"], context);
  assert.deepEqual(
    adopted.map(({ key, status }) => `${status} ${key}`),
    ["A new/deeper/file", "M plain.txt"],
  );
  assert.equal(readFileSync(join(src, "new/deeper/file"), "utf8"), "new");
  assert.equal(readFileSync(join(src, "sub/private"), "utf8"), "the source goes on");
  const left = await names(dst, fixture);
  assert.ok(!left.includes("plain.txt") && left.includes("sub/private"));
  writeFileSync(join(src, "plain.txt"), "edited after it was adopted");
  assert.ok(!(await names(dst, fixture)).includes("plain.txt"));
  const workspace = await context.access.open(src);
  assert.deepEqual(
    listSnapshots(context.home, workspace).map(({ name, scope }) => [name, scope]),
    [["before-restore", ["new", "new/deeper", "new/deeper/file", "plain.txt"]]],
  );
  await assert.rejects(adoptChanges(dst, ["sub/dup-2"], context), { code: "ENOENT" });
  await assert.rejects(adoptChanges(src, [""], context), { code: "ENOENT" });
});

test("conflicts are listed, and nothing is done", async (t) => {
  const fixture = await makeFixture(t, "local");
  const { context } = fixture;
  const { src, dst } = await newPair(fixture, "solid");
  const write = (root: string, name: string, text: string): void => writeFileSync(join(root, name), text);
  write(dst, "plain.txt", "changed in the clone");
  write(src, "plain.txt", "changed in the source");
  write(dst, "sub/big", "changed in the clone, removed in the source");
  rmSync(join(src, "sub/big"));
  rmSync(join(dst, "sub/old"));
  write(src, "sub/old", "removed in the clone, changed in the source");
  write(dst, "both", "made in the clone");
  write(src, "both", "made in the source");
  rmSync(join(dst, "empty-directory"), { recursive: true });
  write(dst, "empty-directory", "a file");
  write(src, "empty-directory/inside", "in the source");
  rmSync(join(src, "sub/deep"), { recursive: true });
  write(dst, "sub/deep/er/new", "its directory is gone in the source");
  write(dst, "sub/dup-1", "no conflict");
  write(dst, "sub/dup-2", "alike");
  write(src, "sub/dup-2", "alike");
  const before = listing(src);
  const { conflicts, adopted, same } = await adoptChanges(dst, [""], context);
  assert.deepEqual(
    conflicts.map(({ key, why }) => `${key}: ${why}`),
    [
      "both: made in the source, too",
      "empty-directory: a directory in the source, which holds empty-directory/inside",
      "plain.txt: changed in the source",
      "sub/big: removed in the source",
      "sub/deep/er/new: sub/deep/er was removed in the source",
      "sub/old: changed in the source",
    ],
  );
  assert.deepEqual([adopted, same], [[], ["sub/dup-2"]]);
  assert.deepEqual(listing(src), before);
  assert.deepEqual((await adoptChanges(dst, ["sub/dup-1", "sub/dup-2"], context)).conflicts, []);
  assert.equal(readFileSync(join(src, "sub/dup-1"), "utf8"), "no conflict");
});

/** With everything that a clone can change in it. */
async function prepare({ root, within }: Round): Promise<string> {
  return await within(async (fixture) => {
    const { dst } = await pair(fixture, root, "solid");
    changeTree(dst);
    return dst;
  });
}

test("adopt killed anywhere: before, after, or what a restore completes", async (t) => {
  const points = await killPoints(t, "adopt", async (round) => [await prepare(round)], 2);
  for (const at of points) {
    const round = await startRound(t);
    const { directory, root, within } = round;
    const dst = await prepare(round);
    const original = contents(root);
    await runKilled(at, directory, "adopt", dst);
    await within(async (fixture) => {
      const { context, store } = fixture;
      await store.sweep({ has: () => false }, { graceMs: 0 });
      const source = await context.access.open(root);
      const isHalf = readRestoring(context.home, source.id) !== undefined;
      if (isHalf) {
        await assert.rejects(
          adoptChanges(dst, [""], context),
          (error) =>
            error instanceof VriftError && error.code === "EBUSY" && /restore adopting/.test(error.message),
        );
        await restore(root, at % 2 === 0 ? "adopting" : "before-restore", context);
        assert.deepEqual(
          contents(root),
          at % 2 === 0 ? contents(dst) : original,
          `killed before change ${at}`,
        );
      }
      assert.deepEqual((await adoptChanges(dst, [""], context)).conflicts, []);
      assert.deepEqual(contents(root), contents(dst), `killed before change ${at}`);
      assert.deepEqual(await names(dst, fixture), []);
    });
  }
});

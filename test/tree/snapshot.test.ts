import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { phantom } from "../../src/tree/phantom.js";
import { restore } from "../../src/tree/restore.js";
import { removeSnapshot, snapshot } from "../../src/tree/snapshot.js";
import { hydrate, solid } from "../../src/tree/solid.js";
import { writeRestoring } from "../../src/workspace/restoring.js";
import { findSnapshot, listSnapshots } from "../../src/workspace/snapshots.js";
import { changeTree } from "./change-tree.js";
import { ACCESS_KINDS, type Fixture, listing, makeFixture } from "./fixture.js";
import { makeOddTree } from "./odd-tree.js";

function oddTree({ directory }: Fixture): string {
  const root = join(directory, "tree");
  mkdirSync(root);
  makeOddTree(root);
  return root;
}

/** No snapshot has it, and restore leaves it alone. */
const isSecret = (line: string): boolean => /(^|\s)\.env(\s|$)/.test(line);

function withoutSecret(lines: readonly string[]): string[] {
  return lines.filter((line) => !isSecret(line));
}

for (const kind of ACCESS_KINDS) {
  test(`${kind}: a solid tree is restored exactly, and the restore is taken back`, async (t) => {
    const fixture = await makeFixture(t, kind);
    const { context } = fixture;
    const root = oddTree(fixture);
    const original = listing(root);
    const taken = await snapshot(root, "first", context);
    assert.equal(taken.settled, true);
    assert.deepEqual(listing(root), original, "a snapshot changes nothing");
    changeTree(root);
    const changed = listing(root);
    const restored = await restore(root, "first", context);
    assert.deepEqual(restored.blocked, []);
    assert.deepEqual(withoutSecret(listing(root)), withoutSecret(original));
    assert.equal(readFileSync(join(root, ".env"), "utf8"), "TOKEN=2");

    const again = await restore(root, "first", context);
    assert.deepEqual(
      [again.placed, again.recorded, again.removed, again.adjusted],
      [0, 0, 0, 0],
      "idempotent",
    );
    changeTree(root);
    await restore(root, "first", context);
    await restore(root, "before-restore", context);
    const untimed = (list: readonly string[]): string[] =>
      list.map((line) => line.replace(/ -?\d+\.\d{10}/, " time"));
    assert.deepEqual(untimed(listing(root)), untimed(changed));
  });

  test(`${kind}: a phantom tree, whatever became of its files`, async (t) => {
    const fixture = await makeFixture(t, kind);
    const { context } = fixture;
    const root = oddTree(fixture);
    const original = listing(root);
    await phantom(root, context, { yes: true });
    await snapshot(root, "virtual", context);
    await hydrate(root, context);
    changeTree(root);
    const restored = await restore(root, "virtual", context);
    assert.ok(restored.recorded > 0, "what is gone from the disk is virtual again");
    assert.ok(restored.placed > 0);
    await solid(root, context);
    assert.deepEqual(withoutSecret(listing(root)), withoutSecret(original));
    assert.deepEqual(
      listSnapshots(context.home, await context.access.open(root))
        .map(({ name }) => name)
        .sort(),
      ["before-restore", "virtual"],
      "they are those of the path then",
    );
  });
}

test("content stays while a snapshot names it, and no longer", async (t) => {
  const fixture = await makeFixture(t, "local");
  const { context, store } = fixture;
  const root = join(fixture.directory, "tree");
  mkdirSync(root);
  writeFileSync(join(root, "f"), "content of f");
  await snapshot(root, "one", context);
  writeFileSync(join(root, "f"), "other");
  const everything = { has: () => false };
  await store.sweep(everything, { graceMs: 0 });
  await restore(root, "one", context);
  assert.equal(readFileSync(join(root, "f"), "utf8"), "content of f");

  await assert.rejects(snapshot(root, "one", context), { code: "EEXIST" });
  await assert.rejects(snapshot(root, "../one", context), { code: "EINVAL" });
  await assert.rejects(restore(root, "two", context), { code: "ENOENT" });
  for (const name of ["one", "before-restore"]) await removeSnapshot(root, name, context);
  await assert.rejects(removeSnapshot(root, "one", context), { code: "ENOENT" });
  assert.deepEqual(
    store.rootNames().filter((name) => name.startsWith("snapshot-")),
    [],
  );
  await store.sweep(everything, { graceMs: 0 });
  assert.equal((await store.usage()).blobs, 0);
});

test("missing content is found before anything is changed", async (t) => {
  const fixture = await makeFixture(t, "local");
  const { context, store } = fixture;
  const root = join(fixture.directory, "tree");
  mkdirSync(root);
  writeFileSync(join(root, "f"), "content of f");
  await snapshot(root, "one", context);
  writeFileSync(join(root, "f"), "other");
  rmSync(join(store.path, "blake3"), { recursive: true });
  mkdirSync(join(store.path, "blake3"));
  await assert.rejects(restore(root, "one", context), /not in the store/);
  assert.equal(readFileSync(join(root, "f"), "utf8"), "other");
});

test("what only the kernel knows stays, and is said when it is in the way", async (t) => {
  const fixture = await makeFixture(t, "local");
  const { context } = fixture;
  const root = join(fixture.directory, "tree");
  mkdirSync(root);
  writeFileSync(join(root, "was-a-file"), "1");
  await snapshot(root, "one", context);
  rmSync(join(root, "was-a-file"));
  for (const directory of ["was-a-file", "new"]) {
    mkdirSync(join(root, directory));
    writeFileSync(join(root, directory, ".env"), "SECRET=1");
    writeFileSync(join(root, directory, "plain"), "1");
  }
  const { blocked, kept } = await restore(root, "one", context);
  assert.deepEqual([blocked, kept], [["was-a-file"], ["new"]]);
  assert.equal(existsSync(join(root, "new/plain")), false);
  assert.equal(readFileSync(join(root, "was-a-file/.env"), "utf8"), "SECRET=1");
});

test("what came after the state before was kept stays, and half a restore is nobody's state", async (t) => {
  const fixture = await makeFixture(t, "local");
  const { context } = fixture;
  const root = join(fixture.directory, "tree");
  mkdirSync(root);
  writeFileSync(join(root, "f"), "1");
  await snapshot(root, "one", context);
  writeFileSync(join(root, "f"), "2");
  writeFileSync(join(root, "known"), "2");
  await snapshot(root, "before-restore", context);
  const workspace = await context.access.open(root);
  const record = findSnapshot(context.home, workspace, "one");
  writeRestoring(context.home, workspace.id, { name: "one", record, before: "before-restore", begun: [] });
  writeFileSync(join(root, "since"), "3");
  const half = { code: "EBUSY", message: /restoring one in .* was interrupted/ };
  await assert.rejects(snapshot(root, "two", context), half);
  await assert.rejects(phantom(root, context, { yes: true }), half);
  const { appeared, removed } = await restore(root, "one", context);
  assert.deepEqual([appeared, removed], [["since"], 1]);
  assert.equal(existsSync(join(root, "known")), false);
  assert.equal(readFileSync(join(root, "since"), "utf8"), "3");
  await snapshot(root, "two", context);
});

test("a file that a program has open keeps what it had; the path has the other", async (t) => {
  const fixture = await makeFixture(t, "local");
  const { context } = fixture;
  const root = join(fixture.directory, "tree");
  mkdirSync(root);
  writeFileSync(join(root, "log"), "begin\n");
  await snapshot(root, "one", context);
  appendFileSync(join(root, "log"), "more\n");
  const { ino } = statSync(join(root, "log"));
  await restore(root, "one", context);
  assert.equal(readFileSync(join(root, "log"), "utf8"), "begin\n");
  assert.notEqual(statSync(join(root, "log")).ino, ino);
});

/** The table of DESIGN section 4 on real directories: what programs find in the index and what the wire says, row by row. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, beforeEach, test } from "node:test";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import type { Fixture } from "../../test/workspace-fixture.js";
import { native } from "../platform/native.js";
import { IndexReader } from "../vdir/index-reader.js";
import { constants } from "../vdir/layout.js";
import { markWord } from "../vdir/marks.js";
import type { ProjectWorkspace } from "./project-workspace.js";

const VIRTUAL = Number(constants.ENTRY_VIRTUAL);
const BACKED = Number(constants.ENTRY_BACKED);
const KERNEL = Number(constants.ENTRY_KERNEL);
const COMPLETE = Number(constants.ENTRY_COMPLETE);

let t: Fixture;

beforeEach(async () => {
  t = await workspaceFixture();
});

afterEach(async () => {
  await t.close();
});

/** A phantom workspace with `d/v` virtual and absent. */
async function phantomWithVirtual(): Promise<ProjectWorkspace> {
  mkdirSync(join(t.root, "d"));
  const workspace = await t.registry.open(t.root, true);
  const { refused } = await workspace.adopt([await t.adoptEntry("d/v", "virtual text")], "virtual");
  assert.deepEqual(refused, []);
  return workspace;
}

function flagsOf(workspace: ProjectWorkspace, key: string): number | undefined {
  const flags = IndexReader.open(workspace.info.index).lookup(key)?.flags;
  // Of a solid tree besides: whether the name was looked at since (settling.ts).
  return flags === undefined ? undefined : flags & ~Number(constants.ENTRY_YOUNG | constants.ENTRY_EXACT);
}

function flagsByKey(workspace: ProjectWorkspace): Map<string, number> {
  const entries = [...IndexReader.open(workspace.info.index).entries()];
  entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  return new Map(entries.map(({ key, flags }) => [key, flags]));
}

/** Whether the mark of a key is what the index has caught up with. */
function isClean(workspace: ProjectWorkspace, key: string): boolean {
  const word = markWord(native.pathHash(Buffer.from(key)));
  const { seenOffset } = IndexReader.open(workspace.info.index).header;
  const seen = readFileSync(workspace.info.index).readBigUInt64LE(seenOffset + word * 8);
  return seen === readFileSync(join(workspace.info.run, "marks")).readBigUInt64LE(word * 8);
}

async function report(workspace: ProjectWorkspace): Promise<object> {
  return workspace.resync();
}

const quiet = { added: 0, removed: 0, becameBacked: 0, whiteouts: 0 };

test("none, file: a backed entry is added; a second resync finds nothing to do", async () => {
  t.write("a/b", "x");
  const workspace = await t.registry.open(t.root);
  assert.equal(workspace.info.kind, "solid");
  assert.equal(workspace.info.entries, 3);
  t.write("a/c", "y");
  assert.deepEqual(await report(workspace), { ...quiet, added: 1 });
  assert.equal(flagsOf(workspace, "a/c")! & (VIRTUAL | BACKED), BACKED);
  assert.deepEqual(await report(workspace), quiet);
});

test("virtual, absent: stays, also over a restart", async () => {
  let workspace = await phantomWithVirtual();
  assert.deepEqual(await report(workspace), quiet);
  workspace = await (await t.reopen()).open(t.root);
  assert.equal(workspace.info.kind, "phantom");
  assert.equal(workspace.info.virtualEntries, 1);
  assert.equal(workspace.info.virtualBytes, "12");
  assert.equal(flagsOf(workspace, "d/v")! & (VIRTUAL | BACKED), VIRTUAL);
  assert.equal((await workspace.get("d/v"))?.size, 12n);
});

test("virtual, absent, whiteout: the entry ends, then the whiteout", async () => {
  const workspace = await phantomWithVirtual();
  const whiteout = t.whiteOut("d/v");
  assert.equal(await workspace.get("d/v"), null);
  assert.deepEqual(await workspace.list("d"), []);
  assert.deepEqual(await report(workspace), { ...quiet, removed: 1, whiteouts: 1 });
  assert.equal(flagsOf(workspace, "d/v"), undefined);
  assert.equal(existsSync(whiteout), false);
  assert.equal(workspace.info.virtualEntries, 0);
});

test("virtual, file: the file wins and the entry is backed; with a whiteout too", async () => {
  const workspace = await phantomWithVirtual();
  t.write("d/v", "private copy, changed");
  assert.deepEqual(await report(workspace), { ...quiet, becameBacked: 1 });
  assert.equal(flagsOf(workspace, "d/v")! & (VIRTUAL | BACKED), BACKED);

  await workspace.adopt([await t.adoptEntry("d/w", "second")], "virtual");
  t.write("d/w", "made again after removal");
  const whiteout = t.whiteOut("d/w");
  assert.deepEqual(await report(workspace), { ...quiet, becameBacked: 1, whiteouts: 1 });
  assert.equal(existsSync(whiteout), false);
  assert.equal((await workspace.get("d/w"))?.size, 24n);
});

test("backed, absent: the entry ends; backed, other stamp: new stamp, hash unknown", async () => {
  t.write("gone", "1");
  t.write("changed", "22");
  const workspace = await t.registry.open(t.root);
  unlinkSync(join(t.root, "gone"));
  writeFileSync(join(t.root, "changed"), "333");
  assert.deepEqual(await report(workspace), { ...quiet, removed: 1 });
  assert.equal(flagsOf(workspace, "gone"), undefined);
  assert.equal((await workspace.get("changed"))?.size, 3n);
});

test("an adopted file that still stands stays virtual until it is touched, and is never answered from the index", async () => {
  mkdirSync(join(t.root, "d"));
  t.write("d/v", "virtual text");
  const path = join(t.root, "d/v");
  chmodSync(path, 0o640);
  const workspace = await t.registry.open(t.root, true);
  const { mtimeNs } = statSync(path, { bigint: true });
  const adopted = await workspace.adopt([await t.adoptEntry("d/v", "virtual text", mtimeNs)], "virtual");
  assert.deepEqual(adopted.refused, []);
  assert.equal(isClean(workspace, "d/v"), false);
  assert.deepEqual(await report(workspace), quiet);
  assert.equal(flagsOf(workspace, "d/v")! & VIRTUAL, VIRTUAL);
  assert.equal(isClean(workspace, "d/v"), false);
  // The command that had it adopted removes it: nothing is lost.
  unlinkSync(path);
  assert.deepEqual(await report(workspace), quiet);
  assert.equal(workspace.info.virtualEntries, 1);
  assert.equal(isClean(workspace, "d/v"), true);
});

test("a whiteout of a directory ends what is virtual below it", async () => {
  const workspace = await phantomWithVirtual();
  await workspace.adopt([await t.adoptEntry("d/v2", "two"), await t.adoptEntry("other", "three")], "virtual");
  t.whiteOut("d");
  rmSync(join(t.root, "d"), { recursive: true });
  assert.deepEqual(await report(workspace), { ...quiet, removed: 3, whiteouts: 1 });
  assert.equal(flagsOf(workspace, "d"), undefined);
  assert.equal(workspace.info.virtualEntries, 1);
  assert.equal(existsSync(join(t.root, "d")), false);
});

test("a directory removed from outside although it holds virtual files is made again: nothing is lost", async () => {
  mkdirSync(join(t.root, "x/y"), { recursive: true });
  mkdirSync(join(t.root, "x/empty"));
  chmodSync(join(t.root, "x/y"), 0o750);
  const workspace = await t.registry.open(t.root, true);
  await workspace.adopt([await t.adoptEntry("x/y/v", "kept")], "virtual");
  rmSync(join(t.root, "x"), { recursive: true });
  await workspace.resync();
  assert.equal(statSync(join(t.root, "x/y")).mode & 0o7777, 0o750);
  assert.equal(existsSync(join(t.root, "x/empty")), false);
  assert.equal((await workspace.get("x/y/v"))?.size, 4n);
  assert.equal(flagsOf(workspace, "x/y/v")! & VIRTUAL, VIRTUAL);
  assert.equal(flagsOf(workspace, "x/empty"), undefined);
});

test("a file in the place of a directory, and a directory in the place of a file", async () => {
  t.write("d/inner", "1");
  t.write("f", "2");
  const workspace = await t.registry.open(t.root);
  rmSync(join(t.root, "d"), { recursive: true });
  rmSync(join(t.root, "f"));
  t.write("d", "now a file");
  t.write("f/inner", "now in a directory");
  await workspace.resync();
  assert.equal((await workspace.get("d"))?.flags, 0);
  assert.equal((await workspace.get("f"))?.flags, 1);
  assert.deepEqual([...flagsByKey(workspace).keys()], ["", "d", "f", "f/inner"]);
  assert.deepEqual(await report(workspace), quiet);
});

test("every physical name is in the index: .git, secrets and special files as names only the kernel knows", async () => {
  t.write(".git/config", "[core]");
  t.write("sub/.git", "gitdir: elsewhere");
  t.write("sub/.env", "TOKEN=1");
  t.write("plain", "text");
  symlinkSync("plain", join(t.root, "link"));
  execFileSync("mkfifo", [join(t.root, "fifo")]);
  const workspace = await t.registry.open(t.root, true);
  const flags = flagsByKey(workspace);
  for (const key of [".git", "sub/.git", "sub/.env", "fifo", ".vrift"])
    assert.equal(flags.get(key)! & KERNEL, KERNEL, key);
  for (const key of ["plain", "link", "sub"]) assert.equal(flags.get(key)! & BACKED, BACKED, key);
  assert.equal(flags.get(".git/config"), undefined);
  assert.equal(flags.get("")! & COMPLETE, COMPLETE);
  unlinkSync(join(t.root, "sub/.env"));
  await workspace.resync();
  assert.equal(flagsOf(workspace, "sub/.env"), undefined);
});

test("a directory with a name that is not UTF-8 is not complete, until the name is gone", async () => {
  t.write("d/good", "1");
  const odd = Buffer.concat([Buffer.from(join(t.root, "d/")), Buffer.from([0xff, 0xfe])]);
  writeFileSync(odd, "odd");
  const workspace = await t.registry.open(t.root);
  assert.equal(flagsOf(workspace, "d")! & COMPLETE, 0);
  assert.equal(flagsOf(workspace, "")! & COMPLETE, COMPLETE);
  unlinkSync(odd);
  await workspace.resync();
  assert.equal(flagsOf(workspace, "d")! & COMPLETE, COMPLETE);
});

test("a workspace further in is left to the kernel, and so is a home inside the root", async () => {
  t.write("inner/.vrift/workspace", "x");
  t.write("inner/file", "x");
  const workspace = await t.registry.open(t.root);
  assert.equal(flagsOf(workspace, "inner")! & KERNEL, KERNEL);
  assert.equal(flagsOf(workspace, "inner/file"), undefined);
  const outer = await t.registry.open(t.directory);
  assert.equal(flagsOf(outer, "home")! & KERNEL, KERNEL);
  assert.equal(flagsOf(outer, "home/the_source"), undefined);
});

test("the index grows while names are added, and the file that programs map says so", async () => {
  const workspace = await t.registry.open(t.root);
  const old = `${workspace.info.index}.kept`;
  execFileSync("ln", [workspace.info.index, old]);
  for (let i = 0; i < 3000; i++) t.write(`many/file-${i}`, "");
  await workspace.resync();
  assert.equal(IndexReader.open(old).header.superseded, true);
  assert.equal(IndexReader.open(workspace.info.index).header.superseded, false);
  assert.equal(flagsByKey(workspace).size, 3002);
  rmSync(join(t.root, "many"), { recursive: true });
  assert.deepEqual(await report(workspace), { ...quiet, removed: 3001 });
  assert.deepEqual([...flagsByKey(workspace).keys()], [""]);
});

test("renamed directories and replaced files end in the same index as a fresh one", async () => {
  for (const key of ["a/b/c/1", "a/b/2", "a/3", "z"]) t.write(key, key);
  const workspace = await t.registry.open(t.root);
  renameSync(join(t.root, "a/b"), join(t.root, "moved"));
  renameSync(join(t.root, "z"), join(t.root, "a/3"));
  await workspace.resync();
  const changed = flagsByKey(workspace);
  assert.deepEqual(flagsByKey(await (await t.reopen()).open(t.root)), changed);
});

test("what dead processes were about to put in place is removed, what live ones are is not", async () => {
  const dead = 4_194_305; // above the largest process id
  const workspace = await t.registry.open(t.root, true);
  const staging = join(t.root, ".vrift/staging");
  for (const name of [`${dead}.7`, `${process.pid}.99`, "unknown"])
    writeFileSync(join(staging, name), "copy");
  await workspace.upsert("kept", await t.fileEntry("kept"));
  await (await t.reopen()).open(t.root);
  assert.deepEqual(readdirSync(staging).sort(), [`${process.pid}.99`, "unknown"]);

  const solid = join(t.directory, "solid");
  mkdirSync(solid);
  writeFileSync(join(solid, `.vrift-${dead}.1`), "copy");
  writeFileSync(join(solid, `.vrift-${process.pid}.1`), "copy");
  await t.registry.open(solid);
  assert.deepEqual(readdirSync(solid), [`.vrift-${process.pid}.1`]);
});

test("a directory that is moved away while the tree is listed takes its whited-out names with it", async () => {
  // So that listing takes a while after the root has been read.
  for (let d = 0; d < 20; d++) for (let f = 0; f < 100; f++) t.write(`other${d}/f${f}`, "");
  const workspace = await t.registry.open(t.root, true);
  const { path: _path, ...content } = await t.adoptEntry("x", "virtual");
  for (let round = 0; round < 12; round++) {
    const keys = Array.from({ length: 20 }, (_, i) => `from${round}/v${i}`);
    mkdirSync(join(t.root, `from${round}`));
    await workspace.adopt(
      keys.map((path) => ({ path, ...content })),
      "virtual",
    );
    for (const key of keys) t.whiteOut(key);
    const listing = workspace.resync();
    await wait(round % 6);
    renameSync(join(t.root, `from${round}`), join(t.root, `to${round}`));
    await listing;
    await workspace.resync();
    assert.equal(workspace.info.virtualEntries, 0, `round ${round}`);
  }
});

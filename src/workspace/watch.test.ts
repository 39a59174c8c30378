/** A watched phantom workspace: when may the index alone answer, and does it ever answer wrongly? */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, beforeEach, test } from "node:test";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import type { Fixture } from "../../test/workspace-fixture.js";
import { hashToHex } from "../platform/hash.js";
import { IndexReader } from "../vdir/index-reader.js";
import { constants } from "../vdir/layout.js";
import { Marks } from "../vdir/marks.js";
import type { ProjectWorkspace } from "./project-workspace.js";

const VIRTUAL = Number(constants.ENTRY_VIRTUAL);
const COMPLETE = Number(constants.ENTRY_COMPLETE);

let t: Fixture;
let workspace: ProjectWorkspace;

beforeEach(async () => {
  t = await workspaceFixture({ watch: true });
});

afterEach(async () => {
  await t.close();
});

type Answer = "virtual" | "kernel" | "absent";

/** What a program that maps the index does with a name, by docs/ARCHITECTURE.md, "One read". */
function answer(key: string): Answer {
  const index = IndexReader.open(workspace.info.index);
  const marks = Marks.open(join(workspace.info.run, "marks")).buffer;
  const entry = index.lookup(key);
  if (entry !== undefined) return index.trusted(key, marks) && entry.flags & VIRTUAL ? "virtual" : "kernel";
  for (let missing = key; ;) {
    const slash = missing.lastIndexOf("/");
    const parent = slash < 0 ? "" : missing.slice(0, slash);
    const directory = index.lookup(parent);
    if (directory !== undefined) {
      const clean = index.trusted(parent, marks) && index.trusted(missing, marks);
      return clean && directory.flags & COMPLETE ? "absent" : "kernel";
    }
    missing = parent;
  }
}

/** The answer once the workspace has caught up. */
async function settled(key: string, expected: Answer): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const now = answer(key);
    // Not asked again: a comparison that begins in this moment leaves it to the kernel for a while.
    if (now === expected) return;
    if (Date.now() >= deadline) assert.equal(now, expected, key);
    await wait(20);
  }
}

/** Never the index's word against a file that is there, from the moment inotify has told; how soon it does is the machine's. */
async function notWrong(key: string): Promise<void> {
  await wait(20);
  if (existsSync(join(t.root, key))) await settled(key, "kernel");
}

async function open(): Promise<void> {
  workspace = await t.registry.open(t.root, true);
  assert.equal(workspace.info.distrust, undefined);
}

test("virtual and absent names are answered from the index; outside changes ask the kernel, then are known", async () => {
  t.write("d/physical", "x");
  await open();
  await workspace.upsert("d/v", await t.fileEntry("virtual"));
  await settled("d/v", "virtual");
  await settled("d/none", "absent");
  await settled("no/such/directory", "absent");
  assert.equal(answer("d/physical"), "kernel");

  t.write("d/v", "an editor outside");
  await notWrong("d/v");
  t.write("d/none", "made outside");
  await notWrong("d/none");
  await settled("d/other", "absent");
  assert.equal((await workspace.get("d/v"))?.size, 17n);
  unlinkSync(join(t.root, "d/none"));
  await settled("d/none", "absent");
  await settled("d/v", "kernel");
});

test("a directory made outside, by the daemon, and by the daemon for a file is watched from then on", async () => {
  await open();
  mkdirSync(join(t.root, "made/deep"), { recursive: true });
  await settled("made/deep/none", "absent");
  t.write("made/deep/none", "x");
  await notWrong("made/deep/none");

  await workspace.upsert("by/upsert/v", await t.fileEntry("virtual"));
  t.write("by/upsert/v", "at once");
  await notWrong("by/upsert/v");
  await settled("by/upsert/none", "absent");
});

test("a directory that is removed and made again, and moved away and back, is not confused", async () => {
  mkdirSync(join(t.root, "a/b"), { recursive: true });
  await open();
  await workspace.upsert("a/b/v", await t.fileEntry("virtual"));
  await settled("a/b/v", "virtual");
  for (let round = 0; round < 20; round++) {
    rmdirSync(join(t.root, "a/b"));
    mkdirSync(join(t.root, "a/b"));
    if (round % 5 === 0) await wait(60);
    if (round % 7 === 0) await workspace.resync();
    t.write("a/b/v", `round ${round}`);
    await notWrong("a/b/v");
    unlinkSync(join(t.root, "a/b/v"));
  }
  await workspace.resync();
  await workspace.upsert("a/b/w", await t.fileEntry("virtual too"));
  await settled("a/b/w", "virtual");
  renameSync(join(t.root, "a/b"), join(t.root, "c"));
  t.write("c/none", "x");
  await notWrong("c/none");
  await settled("c/other", "absent");
  t.write("c/late", "x");
  await notWrong("c/late");
});

test("a directory that became a link which leads in a circle is gone, and so is what was below it", async () => {
  mkdirSync(join(t.root, "a/b"), { recursive: true });
  await open();
  await settled("a/b/none", "absent");
  rmdirSync(join(t.root, "a/b"));
  rmdirSync(join(t.root, "a"));
  symlinkSync("a", join(t.root, "a"));
  await workspace.resync();
  assert.equal(await workspace.get("a/b"), null);
  await settled("none", "absent");
});

test("an overflow of the queue is survived: everything is asked until it was compared", async () => {
  mkdirSync(join(t.root, "d"));
  await open();
  await workspace.upsert("d/v", await t.fileEntry("virtual"));
  await settled("d/v", "virtual");
  const limit = Number(readFileSync("/proc/sys/fs/inotify/max_queued_events", "latin1"));
  const [a, b] = [join(t.root, "d/x"), join(t.root, "d/y")];
  writeFileSync(a, "");
  for (let i = 0; i < limit; i++) renameSync(i % 2 ? b : a, i % 2 ? a : b);
  t.write("d/v", "made in the storm");
  await notWrong("d/v");
  await settled("d/none", "absent");
  assert.equal((await workspace.get("d/v"))?.size, 17n);
});

test("growth of the index keeps the watcher; a closed workspace is trusted by nobody", async () => {
  await open();
  mkdirSync(join(t.root, "d"));
  for (let i = 0; i < 2500; i++) writeFileSync(join(t.root, `d/f${i}`), "");
  await workspace.resync();
  await settled("d/none", "absent");
  t.write("d/none", "x");
  await notWrong("d/none");
  const { index } = workspace.info;
  await t.reopen();
  assert.equal(IndexReader.open(index).header.alive, false);
});

test("what the library leaves is folded in by itself: a whiteout, a hydrated file", async () => {
  await open();
  for (const key of ["gone", "written"]) await workspace.upsert(key, await t.fileEntry(key));
  const marks = Marks.open(join(workspace.info.run, "marks"));
  const whiteout = t.whiteOut("gone");
  marks.bump("gone");
  await settled("gone", "absent");
  assert.equal(existsSync(whiteout), false);
  t.write("written", "hydrated and changed");
  marks.bump("written");
  assert.equal((await workspace.get("written"))?.size, 20n);
  await workspace.resync(); // until then nobody has said that the virtual entry is over
  rmSync(join(t.root, "written"));
  await settled("written", "absent");
});

test("who removes a tree from outside is not disturbed; the virtual files come back when somebody asks", async () => {
  for (let d = 0; d < 300; d++) mkdirSync(join(t.root, `top/d${d}`), { recursive: true });
  await open();
  const { content_hash, size } = await t.fileEntry("virtual");
  const one = { hash: hashToHex(content_hash), size: `${size}`, mtimeNs: "0", mode: 0o644, blocks: 8 };
  const entries = Array.from({ length: 300 }, (_, d) => ({ ...one, path: `top/d${d}/v` }));
  assert.deepEqual(await workspace.adopt(entries, "virtual"), { refused: [] });
  for (let d = 0; d < 300; d++) {
    rmdirSync(join(t.root, `top/d${d}`));
    if (d % 10 === 0) await wait(5);
  }
  rmdirSync(join(t.root, "top"));
  await wait(600);
  assert.equal(existsSync(join(t.root, "top")), false);
  assert.equal(workspace.info.virtualEntries, 300);
  await workspace.resync();
  assert.ok(existsSync(join(t.root, "top/d299")));
  await settled("top/d7/v", "virtual");
});

test("a directory renamed over the wire: the index has the new names at once, and is never wrong about them", async () => {
  await open();
  await workspace.upsert("d/sub/v", await t.fileEntry("virtual"));
  await workspace.resync();
  await settled("d/sub/v", "virtual");
  for (const [from, to] of [
    ["d", "e"],
    ["e", "f"],
    ["f", "d"],
  ] as const) {
    await workspace.rename(from, to);
    const entry = IndexReader.open(workspace.info.index).lookup(`${to}/sub/v`);
    assert.ok(entry !== undefined && entry.flags & VIRTUAL);
    assert.notEqual(answer(`${from}/sub/v`), "virtual");
    writeFileSync(join(t.root, `${to}/sub/from outside`), "x");
    await notWrong(`${to}/sub/from outside`);
    await settled(`${to}/sub/v`, "virtual");
    await settled(`${from}/sub/v`, "absent");
    await settled(`${to}/sub/none`, "absent");
    // The watches have the new names: what comes now is told as well.
    writeFileSync(join(t.root, `${to}/sub/none`), "x");
    await notWrong(`${to}/sub/none`);
    writeFileSync(join(t.root, `${to}/sub/v`), "a private copy");
    await notWrong(`${to}/sub/v`);
    unlinkSync(join(t.root, `${to}/sub/none`));
    unlinkSync(join(t.root, `${to}/sub/v`));
    await workspace.resync();
    await workspace.upsert(`${to}/sub/v`, await t.fileEntry("virtual"));
    await workspace.resync();
    await settled(`${to}/sub/v`, "virtual");
  }
});

test("a virtual file renamed over the wire is answered under its new name without asking, and not under the old one", async () => {
  await open();
  await workspace.upsert("a/v", await t.fileEntry("virtual"));
  await workspace.upsert("b/w", await t.fileEntry("replaced"));
  await workspace.resync();
  await settled("a/v", "virtual");
  await workspace.rename("a/v", "b/w");
  await settled("b/w", "virtual");
  await settled("a/v", "absent");
});

/** A watched solid workspace: which entries the index answers for, and what takes that from them (docs/solid.md). */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, test } from "node:test";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import type { Fixture } from "../../test/workspace-fixture.js";
import { IndexReader } from "../vdir/index-reader.js";
import { constants } from "../vdir/layout.js";
import { Marks } from "../vdir/marks.js";
import type { ProjectWorkspace } from "./project-workspace.js";

const EXACT = Number(constants.ENTRY_EXACT);
const YOUNG = Number(constants.ENTRY_YOUNG);
const KERNEL = Number(constants.ENTRY_KERNEL);
const COMPLETE = Number(constants.ENTRY_COMPLETE);
const UNINJECTED = Number(constants.MARK_UNINJECTED);

let t: Fixture;
let workspace: ProjectWorkspace;
afterEach(() => t.close());

async function open(fill: () => void, settleMs = 0): Promise<void> {
  t = await workspaceFixture({ watch: true, settleMs });
  fill();
  workspace = await t.registry.open(t.root);
  assert.equal(workspace.info.distrust, undefined);
}

function reader(): IndexReader {
  return IndexReader.open(workspace.info.index);
}

function marks(): ArrayBuffer {
  return Marks.open(join(workspace.info.run, "marks")).buffer;
}

/** What a program may take from the index for a name. */
function state(key: string): "exact" | "kernel" | "none" {
  const index = reader();
  const entry = index.lookup(key);
  if (entry === undefined) return "none";
  return entry.flags & EXACT && index.trusted(key, marks()) ? "exact" : "kernel";
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!holds()) {
    assert.ok(Date.now() < deadline, what);
    await wait(10);
  }
}

const becomes = (key: string, expected: ReturnType<typeof state>): Promise<void> =>
  until(`${key} becomes ${expected}`, () => state(key) === expected);

test("plain files, directories and links are answered for; several links, secrets and what is ignored are not", async () => {
  await open(() => {
    t.write("d/file", "text");
    t.write("d/twice", "text");
    t.write(".env", "secret");
    t.write("out/made", "x");
    t.write(".vriftignore", "out/\n");
    linkSync(join(t.root, "d/twice"), join(t.root, "d/again"));
    symlinkSync("file", join(t.root, "d/link"));
  });
  for (const key of ["d", "d/file", "d/link"]) await becomes(key, "exact");
  for (const key of ["d/twice", "d/again"]) assert.equal(state(key), "kernel", key);
  for (const key of [".env", "out"]) assert.ok((reader().lookup(key)?.flags ?? 0) & KERNEL, key);
  assert.equal(reader().lookup("out/made"), undefined);
  assert.ok((reader().lookup("d")?.flags ?? 0) & COMPLETE);
  assert.equal((await workspace.get("out/made"))?.size, 1n);
});

test("what programs outside change is known again soon, whatever they do", async () => {
  await open(() => {
    t.write("d/file", "text");
    t.write("gone/below/it", "x");
  });
  await becomes("gone/below/it", "exact");
  appendFileSync(join(t.root, "d/file"), " and more");
  await until("the size", () => state("d/file") === "exact" && reader().lookup("d/file")?.size === 13n);
  t.write("made/deep/er/file", "x");
  await becomes("made/deep/er/file", "exact");
  assert.ok((reader().lookup("made/deep")?.flags ?? 0) & COMPLETE);
  rmSync(join(t.root, "gone"), { recursive: true });
  await becomes("gone", "none");
  renameSync(join(t.root, "made"), join(t.root, "moved"));
  await becomes("moved/deep/er/file", "exact");
  assert.equal(state("made"), "none");
  unlinkSync(join(t.root, "d/file"));
  mkdirSync(join(t.root, "d/file"));
  await until(
    "a directory",
    () => (reader().lookup("d/file")?.flags ?? 0) % 2 === 1 && state("d/file") === "exact",
  );
  writeFileSync(join(t.root, ".vriftignore"), "moved\n");
  await until("ignored", () => ((reader().lookup("moved")?.flags ?? 0) & KERNEL) !== 0);
  unlinkSync(join(t.root, ".vriftignore"));
  await becomes("moved/deep/er/file", "exact");
});

test("a file that is open for writing, or has just changed, is the kernel's", async () => {
  await open(() => t.write("file", "text"));
  await becomes("file", "exact");
  const fd = openSync(join(t.root, "file"), "a");
  appendFileSync(fd, "more");
  await until("it is seen", () => reader().lookup("file")?.size === 8n);
  await wait(200);
  assert.equal(state("file"), "kernel");
  closeSync(fd);
  await becomes("file", "exact");
});

test("the last change has to be old enough", async () => {
  await open(() => t.write("file", "text"), 3_600_000);
  await workspace.settled();
  assert.ok((reader().lookup("file")?.flags ?? 0) & YOUNG);
  assert.equal(workspace.info.solid?.unsettled, 1);
});

test("links from elsewhere, of which nobody tells, are found by looking", async () => {
  await open(() => t.write("file", "text"));
  await becomes("file", "exact");
  linkSync(join(t.root, "file"), join(t.directory, "elsewhere"));
  await workspace.settled();
  await becomes("file", "kernel");
});

test("while a program runs that the library is not in, its word is not published", async () => {
  await open(() => t.write("file", "text"));
  const words = new BigUint64Array(marks());
  const seen = (): bigint => {
    const { seenOffset } = reader().header;
    const index = readFileSync(workspace.info.index);
    return index.readBigUInt64LE(seenOffset + 8 * UNINJECTED);
  };
  const child = spawn("sleep", ["60"]);
  appendFileSync(join(workspace.info.run, "uninjected"), `+${child.pid}\n`);
  Atomics.add(words, UNINJECTED, constants.MARK_BEGIN + constants.MARK_END);
  await workspace.settled();
  assert.notEqual(seen(), words[UNINJECTED]);
  child.kill();
  await once(child, "exit");
  await until("it is published", () => seen() === words[UNINJECTED]);
});

test("what was hashed for somebody is answered for as before", async () => {
  await open(() => t.write("file", "text"));
  await becomes("file", "exact");
  await wait(30);
  assert.equal((await workspace.get("file"))?.size, 4n);
  await becomes("file", "exact");
});

import assert from "node:assert/strict";
import fs, {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import type { Fixture } from "../../test/workspace-fixture.js";
import { native } from "../platform/native.js";
import { IndexReader } from "../vdir/index-reader.js";
import { constants } from "../vdir/layout.js";
import type { ProjectWorkspace } from "./project-workspace.js";

const VIRTUAL = Number(constants.ENTRY_VIRTUAL);
const KERNEL = Number(constants.ENTRY_KERNEL);

let t: Fixture;
let workspace: ProjectWorkspace;

beforeEach(async () => {
  t = await workspaceFixture();
  workspace = await t.registry.open(t.root, true);
});

afterEach(async () => {
  await t.close();
});

const path = (key: string): string => join(t.root, key);
const flagsOf = (key: string): number | undefined =>
  IndexReader.open(workspace.info.index).lookup(key)?.flags;

async function put(...keys: string[]): Promise<void> {
  for (const key of keys) await workspace.upsert(key, await t.fileEntry(key));
}

async function reopened(): Promise<void> {
  workspace = await (await t.reopen()).open(t.root);
}

test("a virtual file stays virtual and keeps its entry and inode number; its directories' times move", async () => {
  await put("a/v", "b/w");
  const reader = IndexReader.open(workspace.info.index);
  const before = reader.lookup("a/v")!;
  for (const key of ["a", "b"]) native.setTimes(path(key), 1n, 1n);
  const answer = await workspace.rename("a/v", "b/w");
  assert.deepEqual(answer, await t.fileEntry("a/v"));
  assert.equal(reader.lookup("a/v"), undefined);
  const after = reader.lookup("b/w")!;
  assert.ok(after.flags & VIRTUAL && after.ino === before.ino && after.ctimeNs > before.ctimeNs);
  for (const key of ["a", "b"]) assert.ok(lstatSync(path(key), { bigint: true }).mtimeNs > 1n, key);
  assert.equal(existsSync(path("b/w")), false);
  await reopened();
  assert.deepEqual(await workspace.get("b/w"), answer);
  assert.equal(await workspace.get("a/v"), null);
  assert.equal(workspace.info.virtualEntries, 1);
});

test("a directory takes everything with it: virtual, physical, hydrated, names of the kernel", async () => {
  await put("d/v", "d/deep/er/v", "d/h");
  t.write("d/p", "physical");
  t.write("d/.env", "secret");
  t.write("d/.git/config", "[core]");
  mkdirSync(path("empty"));
  await workspace.resync();
  writeFileSync(path("d/h"), "hydrated, and nobody has told the workspace");
  const { ino } = IndexReader.open(workspace.info.index).lookup("d/deep/er/v")!;
  const answer = await workspace.rename("d", "empty");
  assert.equal(answer?.flags, 1);
  assert.deepEqual([...IndexReader.open(workspace.info.index).entries()].map(({ key }) => key).sort(), [
    "",
    ".vrift",
    "empty",
    "empty/.env",
    "empty/.git",
    "empty/deep",
    "empty/deep/er",
    "empty/deep/er/v",
    "empty/h",
    "empty/p",
    "empty/v",
  ]);
  assert.equal(IndexReader.open(workspace.info.index).lookup("empty/deep/er/v")!.ino, ino);
  assert.equal(flagsOf("empty/.env")! & KERNEL, KERNEL);
  const check = async (): Promise<void> => {
    assert.deepEqual(await workspace.get("empty/deep/er/v"), await t.fileEntry("d/deep/er/v"));
    assert.equal((await workspace.get("empty/h"))?.size, 43n);
    assert.equal(readFileSync(path("empty/p"), "utf8"), "physical");
    assert.equal(await workspace.get("d/v"), null);
    await assert.rejects(workspace.list("d"), { code: "ENOENT" });
  };
  await check();
  assert.equal((await workspace.resync()).removed, 0);
  await check();
  await reopened();
  await check();
});

test("what rename(2) refuses", async () => {
  await put("d/v", "full/v", "f");
  t.write("solid/p", "x");
  mkdirSync(path("empty"));
  await workspace.resync();
  const cases: [from: string, to: string, code: string][] = [
    ["absent", "x", "ENOENT"],
    ["f", "absent/x", "ENOENT"],
    ["absent/f", "x", "ENOENT"],
    ["f", "f/x", "ENOTDIR"],
    ["f/x", "x", "ENOTDIR"],
    ["f", "empty", "EISDIR"],
    ["d", "f", "ENOTDIR"],
    ["d", "full", "ENOTEMPTY"],
    ["d", "solid", "ENOTEMPTY"],
    ["d/v", "d", "ENOTEMPTY"],
    ["d", "d/x", "EINVAL"],
    ["", "x", "EINVAL"],
    ["d", "", "EINVAL"],
    ["d", "../x", "EINVAL"],
    ["f", ".env", "EACCES"],
    ["f", ".git/x", "EACCES"],
    ["f", "x".repeat(256), "ENAMETOOLONG"],
  ];
  const before = await workspace.list("");
  for (const [from, to, code] of cases)
    await assert.rejects(workspace.rename(from, to), { code }, `${from} to ${to}`);
  assert.deepEqual(await workspace.list(""), before);
  assert.deepEqual(await workspace.rename("f", "f"), await t.fileEntry("f"));
  await assert.rejects(workspace.rename("absent", "absent"), { code: "ENOENT" });
});

test("a directory whose virtual files would get too long a path stays", async () => {
  const deep = Array.from({ length: 18 }, () => "n".repeat(200)).join("/");
  await put(`d/${deep}/v`);
  await assert.rejects(workspace.rename("d", "x".repeat(255) + "/y"), { code: "ENOENT" });
  mkdirSync(path("x".repeat(255)));
  const to = `${"x".repeat(255)}/${"y".repeat(255)}`;
  await assert.rejects(workspace.rename("d", to), { code: "ENAMETOOLONG" });
  assert.ok(existsSync(path("d")));
  assert.deepEqual(await workspace.get(`d/${deep}/v`), await t.fileEntry(`d/${deep}/v`));
});

test("files and links that are physical, and two names of one file", async () => {
  await put("v");
  t.write("p", "physical");
  symlinkSync("p", path("l"));
  linkSync(path("p"), path("same"));
  assert.equal((await workspace.rename("p", "same"))?.size, 8n);
  assert.ok(existsSync(path("p")), "as rename(2): nothing happens");
  const known = await workspace.get("p");
  assert.deepEqual(await workspace.rename("p", "v"), known);
  assert.equal(readFileSync(path("v"), "utf8"), "physical");
  assert.equal(workspace.info.virtualEntries, 0);
  assert.equal((await workspace.rename("l", "e"))?.flags, 2);
  assert.ok(lstatSync(path("e")).isSymbolicLink());
});

test("a virtual file onto a physical one is put there by the kernel", async () => {
  await put("v");
  t.write("p", "physical");
  chmodSync(path("p"), 0o755);
  assert.deepEqual(await workspace.rename("v", "p"), await t.fileEntry("v"));
  assert.equal(readFileSync(path("p"), "utf8"), "v");
  assert.equal(existsSync(path("v")), false);
  assert.equal(await workspace.get("v"), null);
});

test("whiteouts that nobody has folded yet count", async () => {
  await put("gone", "v", "d/gone", "target");
  t.whiteOut("gone");
  t.whiteOut("d/gone");
  t.whiteOut("target");
  await assert.rejects(workspace.rename("gone", "x"), { code: "ENOENT" });
  await workspace.rename("v", "target");
  assert.deepEqual(await workspace.get("target"), await t.fileEntry("v"));
  mkdirSync(path("e"));
  await workspace.rename("e", "d");
  await reopened();
  assert.deepEqual(await workspace.list("d"), []);
  assert.deepEqual(await workspace.get("target"), await t.fileEntry("v"));
});

test("while a program makes its first change to a name, the rename waits, and says so when that does not end", async () => {
  await put("v");
  const fd = openSync(join(workspace.info.run, "stripes"), "r+");
  assert.ok(native.tryLockByte(fd, Number(native.pathHash(Buffer.from("v")) % 4096n)));
  await assert.rejects(workspace.rename("v", "w"), { code: "EBUSY", message: /v or w/ });
  const waiting = workspace.rename("v", "w");
  // The program made it physical: the rename is the kernel's now.
  writeFileSync(path("v"), "changed");
  closeSync(fd);
  await waiting;
  assert.equal(readFileSync(path("w"), "utf8"), "changed");
  assert.equal(existsSync(path("v")), false);
});

test("a whiteout under a held stripe may still be taken back: it ends nothing", async () => {
  await put("v");
  const fd = openSync(join(workspace.info.run, "stripes"), "r+");
  native.tryLockByte(fd, Number(native.pathHash(Buffer.from("v")) % 4096n));
  const whiteout = t.whiteOut("v");
  assert.deepEqual(await workspace.resync(), { added: 0, removed: 0, becameBacked: 0, whiteouts: 0 });
  assert.equal(await workspace.get("v"), null, "programs do not see it meanwhile");
  assert.ok(existsSync(whiteout));
  closeSync(fd);
  assert.equal((await workspace.resync()).removed, 1);
  assert.equal(existsSync(whiteout), false);
});

test("nobody is answered in the middle: a directory's files have one name at every moment", async () => {
  const keys = Array.from({ length: 300 }, (_, i) => `d/v${i}`);
  await put(...keys);
  let renaming = true;
  let seen = 0;
  const watch = async (): Promise<void> => {
    for (let i = 0; renaming; i = (i + 1) % keys.length) {
      const key = keys[i]!;
      const [old, now] = await Promise.all([workspace.get(key), workspace.get(key.replace("d/", "e/"))]);
      assert.ok((old === null) !== (now === null), key);
      seen += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const watching = watch();
  for (let round = 0; round < 10; round++) {
    await workspace.rename("d", "e");
    await workspace.rename("e", "d");
  }
  renaming = false;
  await watching;
  assert.ok(seen > 10);
});

test("a journal that cannot be written takes the rename of a directory back", async () => {
  await put("d/v");
  t.write("d/p", "physical");
  mkdirSync(path("e"), 0o750);
  await workspace.resync();
  const write = fs.writeSync;
  let writes = 0;
  const table = fs as unknown as Record<string, unknown>;
  // The first is the intent; then the disk is full for one write.
  table["writeSync"] = (...values: Parameters<typeof write>) => {
    writes += 1;
    if (writes === 2) throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
    return write(...values);
  };
  syncBuiltinESMExports();
  try {
    await assert.rejects(workspace.rename("d", "e"), { code: "ENOSPC" });
  } finally {
    table["writeSync"] = write;
    syncBuiltinESMExports();
  }
  const check = async (): Promise<void> => {
    assert.deepEqual(await workspace.get("d/v"), await t.fileEntry("d/v"));
    assert.equal((await workspace.get("d/p"))?.size, 8n);
    assert.deepEqual(await workspace.list("e"), []);
    assert.equal((await workspace.get("e"))?.mode, 0o750);
    const keys = [...IndexReader.open(workspace.info.index).entries()].map(({ key }) => key);
    assert.deepEqual(keys.sort(), ["", ".vrift", "d", "d/p", "d/v", "e"]);
  };
  await check();
  await workspace.resync();
  await check();
  await reopened();
  await check();
  await workspace.rename("d", "e");
  assert.deepEqual(await workspace.get("e/v"), await t.fileEntry("d/v"));
});

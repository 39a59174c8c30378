import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import type { Fixture } from "../../test/workspace-fixture.js";
import { EMPTY_HASH, hashBytes, hashToHex } from "../platform/hash.js";
import { IndexReader } from "../vdir/index-reader.js";
import { constants } from "../vdir/layout.js";
import type { ProjectWorkspace } from "./project-workspace.js";

const VIRTUAL = Number(constants.ENTRY_VIRTUAL);
const MTIME = 1_700_000_000_123_456_789n;

let t: Fixture;
let workspace: ProjectWorkspace;

beforeEach(async () => {
  t = await workspaceFixture();
});

afterEach(async () => {
  await t.close();
});

const path = (key: string): string => join(t.root, key);

function isVirtual(key: string): boolean {
  const entry = IndexReader.open(workspace.info.index).lookup(key);
  assert.ok(entry !== undefined, `${key} is in the index`);
  return (entry.flags & VIRTUAL) !== 0;
}

/** The acknowledged state is that of a daemon that was started again. */
async function reopened(): Promise<ProjectWorkspace> {
  workspace = await (await t.reopen()).open(t.root);
  return workspace;
}

test("solid: a file appears with content, mode and time; its directories are made; the entry has its hash", async () => {
  workspace = await t.registry.open(t.root);
  const entry = await t.fileEntry("hello", 0o640);
  assert.deepEqual(await workspace.upsert("a/b/c.txt", entry), entry);
  assert.equal(readFileSync(path("a/b/c.txt"), "utf8"), "hello");
  const stat = lstatSync(path("a/b/c.txt"), { bigint: true });
  assert.equal(stat.mode & 0o7777n, 0o640n);
  assert.equal(stat.mtimeNs, MTIME);
  assert.equal(stat.nlink, 1n);
  assert.deepEqual(await workspace.get("a/b/c.txt"), entry);
  assert.deepEqual(readdirSync(path("a/b")), ["c.txt"]);
  assert.deepEqual(await (await reopened()).get("a/b/c.txt"), entry);
});

test("solid: the name under which a file is made is in no listing and has no entry", async () => {
  workspace = await t.registry.open(t.root);
  const { exportTo } = t.store;
  const seen: unknown[] = [];
  const looks = async (...given: Parameters<typeof exportTo>): Promise<void> => {
    await exportTo(...given);
    const [temporary] = readdirSync(path("a"));
    assert.match(temporary!, /^\.vrift-/);
    seen.push(await workspace.list("a"), await workspace.get(`a/${temporary}`));
  };
  Object.assign(t.store, { exportTo: looks });
  await workspace.upsert("a/f", await t.fileEntry("hello"));
  assert.deepEqual(seen, [[], null]);
  assert.deepEqual(await workspace.list("a"), [{ name: "f", is_dir: false }]);
});

test("solid: an upsert takes the place of a file and of a link, not of a directory", async () => {
  t.write("f", "old");
  symlinkSync("f", path("l"));
  mkdirSync(path("d"));
  workspace = await t.registry.open(t.root);
  const before = statSync(path("f"), { bigint: true }).ino;
  await workspace.upsert("f", await t.fileEntry("new"));
  assert.equal(readFileSync(path("f"), "utf8"), "new");
  assert.notEqual(statSync(path("f"), { bigint: true }).ino, before);
  await workspace.upsert("l", await t.fileEntry("no link any more"));
  assert.ok(lstatSync(path("l")).isFile());
  assert.equal(readFileSync(path("f"), "utf8"), "new");
  await assert.rejects(workspace.upsert("d", await t.fileEntry("x")), { code: "EISDIR" });
});

test("phantom: a plain file is virtual, an executable, an ELF file and a directory are physical", async () => {
  workspace = await t.registry.open(t.root, true);
  const entry = await t.fileEntry("virtual");
  assert.deepEqual(await workspace.upsert("d/v", entry), entry);
  assert.equal(existsSync(path("d/v")), false);
  assert.ok(statSync(path("d")).isDirectory());
  assert.ok(isVirtual("d/v"));

  await workspace.upsert("run.sh", await t.fileEntry("#!/bin/sh\n", 0o755));
  await workspace.upsert("lib.so", await t.fileEntry("\x7fELF and more"));
  for (const key of ["run.sh", "lib.so"]) {
    assert.ok(existsSync(path(key)), key);
    assert.equal(isVirtual(key), false);
  }
  assert.equal(workspace.info.virtualEntries, 1);
  assert.deepEqual(await (await reopened()).get("d/v"), entry);
  assert.deepEqual(await workspace.list(""), [
    { name: "d", is_dir: true },
    { name: "lib.so", is_dir: false },
    { name: "run.sh", is_dir: false },
  ]);
  assert.deepEqual(await workspace.list("d"), [{ name: "v", is_dir: false }]);
});

test("phantom: on a physical path the file changes; on a whited-out one the new entry stays", async () => {
  workspace = await t.registry.open(t.root, true);
  await workspace.upsert("v", await t.fileEntry("first"));
  writeFileSync(path("v"), "private copy");
  const second = await t.fileEntry("second");
  assert.deepEqual(await workspace.upsert("v", second), second);
  assert.equal(readFileSync(path("v"), "utf8"), "second");
  assert.equal(isVirtual("v"), false);

  await workspace.upsert("w", await t.fileEntry("one"));
  const whiteout = t.whiteOut("w");
  const two = await t.fileEntry("two");
  assert.deepEqual(await workspace.upsert("w", two), two);
  assert.equal(existsSync(whiteout), false);
  assert.deepEqual(await (await reopened()).get("w"), two);
});

test("directories and links are real; a directory's mode and time can be set", async () => {
  workspace = await t.registry.open(t.root, true);
  const directory = { content_hash: new Uint8Array(32), size: 0n, mtime: MTIME, mode: 0o750, flags: 1 };
  assert.deepEqual(await workspace.upsert("d", directory), directory);
  assert.equal(statSync(path("d"), { bigint: true }).mtimeNs, MTIME);
  assert.equal((await workspace.upsert("d", { ...directory, mode: 0o700 })).mode, 0o700);
  assert.equal(statSync(path("d")).mode & 0o7777, 0o700);

  const target = await t.fileEntry("d/über", 0o777);
  const answer = await workspace.upsert("l", { ...target, flags: 2 });
  assert.equal(readlinkSync(path("l")), "d/über");
  assert.equal(hashToHex(answer.content_hash), hashToHex(hashBytes(Buffer.from("d/über"))));
  assert.deepEqual(await workspace.get("l"), answer);
  await assert.rejects(workspace.upsert("l/x", await t.fileEntry("x")), { code: "ENOTDIR" });
  await assert.rejects(workspace.upsert("l", directory), { code: "EEXIST" });
});

test("what an entry says is checked: content, size, flags, mode, time, name", async () => {
  workspace = await t.registry.open(t.root, true);
  const good = await t.fileEntry("content");
  const absent = { ...good, content_hash: new Uint8Array(32).fill(9) };
  await assert.rejects(workspace.upsert("x", absent), {
    code: "ENOENT",
    message: /^content 0909.*not in the store/,
  });
  await assert.rejects(workspace.upsert("x", { ...good, size: 8n }), { code: "ENOENT" });
  await assert.rejects(workspace.upsert("x", { ...good, size: 0n }), { code: "EINVAL" });
  await assert.rejects(workspace.upsert("x", { ...good, flags: 4 }), { code: "EINVAL" });
  await assert.rejects(workspace.upsert("x", { ...good, flags: 3 }), { code: "EINVAL" });
  await assert.rejects(workspace.upsert("x", { ...good, mode: 0o40644 }), { code: "EINVAL" });
  await assert.rejects(workspace.upsert("x", { ...good, mtime: 1n << 63n }), { code: "EINVAL" });
  await assert.rejects(workspace.upsert("../x", good), { code: "EINVAL" });
  await assert.rejects(workspace.upsert("", good), { code: "EISDIR" });
  for (const key of [".vrift/x", ".git/config", "a/.git/config", ".vrift"])
    await assert.rejects(workspace.upsert(key, good), { code: "EACCES" }, key);
  assert.equal((await workspace.upsert("y", { ...good, mode: 0o100644 })).mode, 0o644);
  const empty = { content_hash: new Uint8Array(EMPTY_HASH), size: 0n, mtime: 5n, mode: 0o600, flags: 0 };
  assert.deepEqual(await workspace.upsert("empty", empty), empty);
  assert.ok(isVirtual("empty"));
  assert.deepEqual(await workspace.upsert(`${t.root}/abs`, good), good);
  assert.deepEqual(await workspace.get("/abs"), good);
});

test("nothing is reached through a link, neither written nor read", async () => {
  mkdirSync(join(t.directory, "outside"));
  writeFileSync(join(t.directory, "outside/secret"), "s");
  symlinkSync(join(t.directory, "outside"), path("out"));
  workspace = await t.registry.open(t.root);
  await assert.rejects(workspace.upsert("out/x", await t.fileEntry("x")), { code: "ENOTDIR" });
  await assert.rejects(workspace.upsert("out/y/x", await t.fileEntry("x")), { code: "ENOTDIR" });
  assert.equal(await workspace.get("out/secret"), null);
  await workspace.remove("out/secret");
  await assert.rejects(workspace.list("out"), { code: "ENOTDIR" });
  assert.deepEqual(readdirSync(join(t.directory, "outside")), ["secret"]);
});

test("remove: virtual, physical, absent, directories only when empty, never the root", async () => {
  t.write("p", "physical");
  t.write("full/inner", "x");
  workspace = await t.registry.open(t.root, true);
  await workspace.upsert("d/v", await t.fileEntry("virtual"));
  await assert.rejects(workspace.remove("d"), { code: "ENOTEMPTY", message: /d\/v/ });
  await assert.rejects(workspace.remove("full"), { code: "ENOTEMPTY" });
  assert.equal(await workspace.remove("d/v"), null);
  assert.equal(await workspace.get("d/v"), null);
  assert.equal(await workspace.remove("d"), null);
  assert.equal(existsSync(path("d")), false);
  assert.equal(await workspace.remove("p"), null);
  assert.equal(existsSync(path("p")), false);
  assert.equal(await workspace.remove("never/was"), null);
  await assert.rejects(workspace.remove(""), { code: "EINVAL" });
  await assert.rejects(workspace.remove("/"), { code: "EINVAL" });
  assert.equal(workspace.info.virtualEntries, 0);
  await reopened();
  assert.equal(await workspace.get("d/v"), null);
  assert.deepEqual(await workspace.list(""), [{ name: "full", is_dir: true }]);
});

test("names in byte order; ENOENT and ENOTDIR of a listing", async () => {
  workspace = await t.registry.open(t.root, true);
  for (const name of ["b", "a", "\u{1F600}", "\uFF5E", "B", "a.b"])
    await workspace.upsert(name, await t.fileEntry(name));
  const names = (await workspace.list("")).map(({ name }) => name);
  assert.deepEqual(names, ["B", "a", "a.b", "b", "\uFF5E", "\u{1F600}"]);
  await assert.rejects(workspace.list("nope"), { code: "ENOENT" });
  await assert.rejects(workspace.list("a"), { code: "ENOTDIR" });
  await assert.rejects(workspace.list(".vrift"), { code: "ENOENT" });
});

test("get: hash of a backed file is remembered for its stamp; times before 1970 are 0 on the wire", async () => {
  t.write("f", "text");
  workspace = await t.registry.open(t.root);
  const first = await workspace.get("f");
  assert.equal(hashToHex(first!.content_hash), hashToHex(hashBytes(Buffer.from("text"))));
  writeFileSync(path("f"), "TEXT");
  assert.equal(
    hashToHex((await workspace.get("f"))!.content_hash),
    hashToHex(hashBytes(Buffer.from("TEXT"))),
  );
  assert.equal((await workspace.get(""))?.flags, 1);
  const link = await (symlinkSync("f", path("l")), workspace.get("l"));
  assert.equal(link?.flags, 2);
  const blob = t.store.findBlob(link.content_hash);
  assert.equal(blob?.size, 1n);
});

test("mutations from many callers are applied in call order", async () => {
  workspace = await t.registry.open(t.root, true);
  const texts = await Promise.all(Array.from({ length: 20 }, (_, i) => t.fileEntry(`text ${i}`)));
  await Promise.all(texts.map((entry) => workspace.upsert("same", entry)));
  assert.deepEqual(await workspace.get("same"), texts[19]);
  const both = [workspace.remove("same"), workspace.upsert("same", texts[3]!)];
  await Promise.all(both);
  assert.deepEqual(await workspace.get("same"), texts[3]);
});

for (const kind of ["solid", "phantom"] as const) {
  test(`${kind}: a file takes the place of a directory that was moved away outside, by upsert, reingest and rename`, async () => {
    const put: ((key: string) => Promise<unknown>)[] = [
      async (key) => workspace.upsert(key, await t.fileEntry(`new ${key}`)),
      async (key) => {
        const temporary = join(t.directory, "handed over");
        writeFileSync(temporary, `new ${key}`);
        return workspace.reingest(key, temporary, process.getuid!());
      },
      async (key) => {
        await workspace.upsert("other", await t.fileEntry(`new ${key}`));
        return workspace.rename("other", key);
      },
      async (key) => {
        writeFileSync(path("other file"), `new ${key}`);
        return workspace.rename("other file", key);
      },
    ];
    for (const n of put.keys()) t.write(`d${n}/below/b.txt`, "content");
    for (const n of put.keys()) t.write(`d${n}/.env`, "a name that only the kernel knows");
    workspace = await t.registry.open(t.root, kind === "phantom");
    for (const [n, put_] of put.entries()) {
      renameSync(path(`d${n}`), path(`moved${n}`));
      await put_(`d${n}`);
      assert.equal((await workspace.get(`d${n}`))?.size, 6n);
      assert.equal(await workspace.get(`d${n}/below/b.txt`), null);
      await workspace.resync();
      assert.deepEqual(
        (await workspace.list(`moved${n}/below`)).map(({ name }) => name),
        ["b.txt"],
      );
    }
    await reopened();
    for (const n of put.keys()) {
      assert.equal((await workspace.get(`d${n}`))?.flags, 0);
      assert.equal((await workspace.get(`moved${n}/below/b.txt`))?.size, 7n);
    }
  });
}

test("phantom: a directory that was moved away outside with virtual files in it is in the way, until they are removed", async () => {
  t.write("d/plain", "plain");
  workspace = await t.registry.open(t.root, true);
  await workspace.upsert("d/v", await t.fileEntry("virtual"));
  renameSync(path("d"), path("moved"));
  const other = await t.fileEntry("other");
  await workspace.upsert("other", other);
  await assert.rejects(workspace.upsert("d", other), { code: "EISDIR" });
  await assert.rejects(workspace.rename("other", "d"), { code: "EISDIR" });
  assert.equal((await workspace.get("d/v"))?.size, 7n);
  t.whiteOut("d/v");
  await workspace.upsert("d", other);
  await workspace.resync();
  assert.deepEqual(await workspace.get("d"), other);
  assert.equal(await workspace.get("d/v"), null);
});

test("a directory that was removed outside with names that only the kernel knew can be removed", async () => {
  t.write("d/.env", "secret");
  t.write("d/plain", "plain");
  workspace = await t.registry.open(t.root, true);
  rmSync(path("d"), { recursive: true });
  await workspace.remove("d");
  assert.equal(await workspace.get("d"), null);
  assert.equal(IndexReader.open(workspace.info.index).lookup("d/.env"), undefined);
  await workspace.resync();
  assert.equal(IndexReader.open(workspace.info.index).lookup("d"), undefined);
});

test("a file in the place of a name that only the kernel knew stays in the index when the tree is compared", async () => {
  execFileSync("mkfifo", [path("pipe")]);
  workspace = await t.registry.open(t.root, true);
  unlinkSync(path("pipe"));
  await workspace.upsert("pipe", await t.fileEntry("a file"));
  assert.ok(isVirtual("pipe"));
  await workspace.resync();
  assert.ok(isVirtual("pipe"));
});

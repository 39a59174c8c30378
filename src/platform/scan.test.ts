import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { constants, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { scanTree } from "./scan.js";

let root = "";
before(() => {
  root = mkdtempSync(join(tmpdir(), "vrift-scan-"));
});
after(() => {
  rmSync(root, { recursive: true, force: true });
});

test("every name is listed once, with what lstat says, parents first", async () => {
  const tree = join(root, "plain");
  mkdirSync(join(tree, "a/b/c"), { recursive: true });
  mkdirSync(join(tree, "empty"));
  for (let i = 0; i < 40; i++) writeFileSync(join(tree, "a/b", "n".repeat(i + 1)), "x".repeat(i));
  symlinkSync("/etc", join(tree, "a/link"));
  execFileSync("mkfifo", [join(tree, "pipe")]);

  const entries = await scanTree(tree, []);
  const expected = (await readdir(tree, { recursive: true })).filter((key) => !key.startsWith("a/link/"));
  assert.deepEqual(entries.map((entry) => entry.key).sort(), expected.sort());
  const seen = new Set<string>([""]);
  for (const entry of entries) {
    const parent = entry.key.slice(0, Math.max(0, entry.key.lastIndexOf("/")));
    assert.ok(seen.has(parent), `${entry.key} came before its parent`);
    seen.add(entry.key);
    const status = await lstat(join(tree, entry.key), { bigint: true });
    assert.equal(entry.size, status.size);
    assert.equal(entry.mtimeNs, status.mtimeNs);
    assert.equal(entry.ctimeNs, status.ctimeNs);
    assert.equal(entry.ino, status.ino);
    assert.equal(entry.dev, status.dev);
    assert.equal(BigInt(entry.blocks), status.blocks);
    assert.equal(BigInt(entry.mode), status.mode & 0o7777n);
    assert.equal(BigInt(entry.nlink), status.nlink);
    assert.deepEqual([entry.uid, entry.gid], [Number(status.uid), Number(status.gid)]);
    assert.equal(entry.errno, 0);
    assert.equal(entry.xattr, false);
    assert.ok(entry.validUtf8);
    assert.equal(entry.rawKey.toString(), entry.key);
  }
  const types = new Map(entries.map((entry) => [entry.key, entry.type]));
  assert.deepEqual(
    ["a", "a/link", "pipe", "a/b/n"].map((key) => types.get(key)),
    ["dir", "symlink", "special", "file"],
  );
});

test("skipped directories are listed and not entered, also when their key fills its padding", async () => {
  const tree = join(root, "skip");
  for (const key of ["keep/x", "eightchr/x", "deep/.git/x", "deep/other/x"])
    mkdirSync(join(tree, key), { recursive: true });
  const keys = (await scanTree(tree, ["eightchr", "deep/.git", "absent"])).map((entry) => entry.key).sort();
  assert.deepEqual(keys, ["deep", "deep/.git", "deep/other", "deep/other/x", "eightchr", "keep", "keep/x"]);
});

test("names that are not UTF-8 are marked and kept as bytes", async () => {
  const tree = join(root, "bytes");
  mkdirSync(tree);
  const good = ["é", "日本", "😀", "\u{10ffff}"];
  const bad = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe6, 0x97], [0x80]];
  for (const name of good) writeFileSync(join(tree, name), "");
  for (const name of bad) writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from(name)]), "");
  const entries = await scanTree(tree, []);
  assert.deepEqual(
    entries
      .filter((entry) => entry.validUtf8)
      .map((entry) => entry.key)
      .sort(),
    good.sort(),
  );
  assert.deepEqual(
    entries
      .filter((entry) => !entry.validUtf8)
      .map((entry) => entry.rawKey.toString("hex"))
      .sort(),
    bad.map((name) => Buffer.from(name).toString("hex")).sort(),
  );
});

test("deeper than PATH_MAX and than the descriptors kept open", async () => {
  // No path names the bottom, so it is made and removed by a program that walks there.
  const tree = join(root, "deep");
  mkdirSync(tree);
  const name = "d".repeat(200);
  const make = `for i in $(seq 150); do mkdir -p ${name} sibling && cd ./${name} || exit 1; done; echo x > bottom`;
  execFileSync("bash", ["-c", make], { cwd: tree });
  const entries = await scanTree(tree, []);
  assert.equal(entries.length, 301);
  assert.equal(Math.max(...entries.map((entry) => entry.rawKey.length)), 150 * 201 + "bottom".length);
  assert.ok(entries.every((entry) => entry.errno === 0));
  execFileSync("rm", ["-rf", tree]);
});

test("attributes of regular files are found", async (t) => {
  const tree = join(root, "xattr");
  mkdirSync(tree);
  writeFileSync(join(tree, "plain"), "");
  writeFileSync(join(tree, "with"), "");
  const script = "import os,sys; os.setxattr(sys.argv[1], 'user.vrift', b'x')";
  try {
    execFileSync("python3", ["-c", script, join(tree, "with")], { stdio: "ignore" });
  } catch {
    t.skip("python3 or user attributes not available");
    return;
  }
  const found = new Map((await scanTree(tree, [])).map((entry) => [entry.key, entry.xattr]));
  assert.deepEqual([found.get("plain"), found.get("with")], [false, true]);
});

test("another file system is listed and not entered", async () => {
  // /dev is a file system of its own with others mounted in it wherever tests run.
  const devices = (await scanTree("/dev", [])).filter((entry) => entry.type === "dir");
  const own = BigInt(statSync("/dev", { bigint: true }).dev);
  const foreign = devices.filter((entry) => entry.dev !== own);
  for (const entry of foreign) assert.equal(entry.errno, 18, `${entry.key}: EXDEV expected`);
  const below = (key: string) => devices.some((entry) => entry.key.startsWith(`${key}/`));
  for (const entry of foreign) assert.ok(!below(entry.key));
});

test("an absent root and a file as root reject", async () => {
  await assert.rejects(scanTree(join(root, "absent"), []), { code: "ENOENT", syscall: "scandir" });
  writeFileSync(join(root, "file"), "");
  await assert.rejects(scanTree(join(root, "file"), []), { code: "ENOTDIR" });
});

test("no descriptor stays open", async () => {
  const probe = await open(root, constants.O_RDONLY);
  const before = (await readdir("/proc/self/fd")).length;
  await scanTree(root, []);
  assert.equal((await readdir("/proc/self/fd")).length, before);
  assert.equal(await readlink(`/proc/self/fd/${probe.fd}`), root);
  await probe.close();
});

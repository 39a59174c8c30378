import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import type { Fixture } from "../../test/workspace-fixture.js";
import { hashBytes, hashToHex } from "../platform/hash.js";
import { native } from "../platform/native.js";
import { projectPaths } from "../platform/paths.js";
import type { ProjectWorkspace } from "./project-workspace.js";

const UID = process.getuid!();
const MTIME = 1_600_000_000_000_000_007n;

let t: Fixture;
let temporary: string;
let workspace: ProjectWorkspace;

beforeEach(async () => {
  t = await workspaceFixture();
  temporary = mkdtempSync(join(tmpdir(), "vrift-reingest-"));
  workspace = await t.registry.open(t.root, true);
});

afterEach(async () => {
  await t.close();
  rmSync(temporary, { recursive: true, force: true });
});

function handOver(text: string, mode = 0o640, directory = temporary): string {
  const path = join(directory, "cow123");
  writeFileSync(path, text);
  chmodSync(path, mode);
  native.setTimes(path, MTIME, MTIME);
  return path;
}

const path = (key: string): string => join(t.root, key);
const hashOf = (text: string): string => hashToHex(hashBytes(Buffer.from(text)));

test("a new entry takes content, time and mode; an existing one keeps its mode; the file is consumed", async () => {
  const from = handOver("first");
  const inode = lstatSync(from, { bigint: true }).ino;
  const first = await workspace.reingest("d/new", from, UID);
  const { content_hash, ...rest } = first;
  assert.deepEqual(
    { hash: hashToHex(content_hash), ...rest },
    { hash: hashOf("first"), size: 5n, mtime: MTIME, mode: 0o640, flags: 0 },
  );
  assert.equal(existsSync(from), false);
  assert.equal(existsSync(path("d/new")), false, "it is virtual");
  assert.notEqual(
    t.store.statBlob({ hash: content_hash, size: 5n })?.ino,
    inode,
    "the inode itself never becomes a blob",
  );
  assert.equal((await workspace.reingest("d/new", handOver("second", 0o600), UID)).mode, 0o640);
  workspace = await (await t.reopen()).open(t.root);
  assert.equal(hashToHex((await workspace.get("d/new"))!.content_hash), hashOf("second"));
  assert.equal((await workspace.reingest("empty", handOver(""), UID)).size, 0n);
});

test("a physical path changes on disk, at one moment; what must be physical is", async () => {
  t.write("p", "before");
  chmodSync(path("p"), 0o604);
  const old = openSync(path("p"), "r");
  const answer = await workspace.reingest("p", handOver("after", 0o600), UID);
  assert.equal(answer.mode, 0o604);
  assert.equal(readFileSync(path("p"), "utf8"), "after");
  assert.equal(readFileSync(old, "utf8"), "before");
  closeSync(old);
  assert.equal(lstatSync(path("p"), { bigint: true }).mtimeNs, MTIME);
  await workspace.reingest("tool", handOver("#!/bin/sh\n", 0o755), UID);
  assert.equal(lstatSync(path("tool")).mode & 0o7777, 0o755);
  symlinkSync("p", path("l"));
  assert.equal((await workspace.reingest("l", handOver("no link", 0o600), UID)).mode, 0o600);
  assert.ok(lstatSync(path("l")).isFile());
  const solid = join(t.directory, "solid");
  mkdirSync(solid);
  const other = await t.registry.open(solid);
  await other.reingest("a/b", handOver("in a solid one"), UID);
  assert.equal(readFileSync(join(solid, "a/b"), "utf8"), "in a solid one");
  assert.deepEqual(readdirSync(join(solid, "a")), ["b"]);
});

test("only from the staging directory and temporary ones", async () => {
  const { staging } = projectPaths(t.root);
  await workspace.reingest("s", handOver("staged", 0o644, staging), UID);
  // This home and this project lie in a temporary directory themselves.
  const home = mkdtempSync(join(t.home.root, "x"));
  for (const directory of [t.root, home, t.home.source, join(t.root, ".vrift"), "/var"]) {
    const from = directory === "/var" ? "/var/none" : handOver("text", 0o644, directory);
    await assert.rejects(
      workspace.reingest("x", from, UID),
      { code: "EINVAL", message: /neither in/ },
      directory,
    );
  }
  for (const bad of ["relative", "", "/tmp/a\0b", `${temporary}/`])
    await assert.rejects(workspace.reingest("x", bad, UID), { code: "EINVAL" }, bad);
  symlinkSync(t.home.source, join(temporary, "through"));
  const through = join(temporary, "through/cow123");
  await assert.rejects(workspace.reingest("x", through, UID), { code: "EINVAL", message: /neither in/ });
  await assert.rejects(workspace.reingest("x", join(temporary, "absent"), UID), { code: "ENOENT" });
  await assert.rejects(workspace.reingest("x", join(temporary, "absent/er"), UID), { code: "ENOENT" });
});

test("only a regular file of the caller with one name", async () => {
  const from = handOver("text");
  const link = join(temporary, "link");
  symlinkSync(from, link);
  await assert.rejects(workspace.reingest("x", link, UID), { code: "EINVAL", message: /not a regular file/ });
  await assert.rejects(workspace.reingest("x", temporary, UID), { code: "EINVAL" });
  execFileSync("mkfifo", [join(temporary, "pipe")]);
  await assert.rejects(workspace.reingest("x", join(temporary, "pipe"), UID), { code: "EINVAL" });
  await assert.rejects(workspace.reingest("x", from, UID + 1), { code: "EACCES", message: /belongs to uid/ });
  linkSync(from, join(temporary, "second"));
  await assert.rejects(workspace.reingest("x", from, UID), { code: "EINVAL", message: /2 names/ });
  assert.ok(existsSync(from));
  assert.equal(await workspace.get("x"), null);
});

test("a writer, a change while it is read, a name that is taken: EBUSY or an error, and the file stays", async () => {
  const from = handOver("text");
  const fd = openSync(from, "r+");
  await assert.rejects(workspace.reingest("x", from, UID), { code: "EBUSY", message: /open for writing/ });
  closeSync(fd);
  mkdirSync(path("dir"));
  await assert.rejects(workspace.reingest("dir", from, UID), { code: "EISDIR" });
  await assert.rejects(workspace.reingest("", from, UID), { code: "EISDIR" });
  await assert.rejects(workspace.reingest(".git/x", from, UID), { code: "EACCES" });
  assert.equal(readFileSync(from, "utf8"), "text");

  // Large enough that it is read in more than one turn; changed in the second.
  truncateSync(from, 200 << 20);
  await wait(30);
  const reading = workspace.reingest("x", from, UID);
  await new Promise((resolve) => setImmediate(resolve));
  const late = openSync(from, "r+");
  writeSync(late, "changed");
  closeSync(late);
  await assert.rejects(reading, { code: "EBUSY" });
  assert.equal(lstatSync(from).size, 200 << 20);
  assert.equal(await workspace.get("x"), null);
});

test("what took the name of the file meanwhile is not consumed, and others do not wait for a large one", async () => {
  const from = handOver("x".repeat(100));
  truncateSync(from, 100 << 20);
  native.setTimes(from, MTIME, MTIME);
  await wait(30);
  let done = false;
  const reading = workspace.reingest("large", from, UID).finally(() => (done = true));
  await new Promise((resolve) => setImmediate(resolve));
  renameSync(from, join(temporary, "aside"));
  writeFileSync(from, "somebody else's");
  await workspace.upsert("other", await t.fileEntry("other"));
  assert.equal(done, false);
  await reading.catch(() => undefined);
  assert.equal(readFileSync(from, "utf8"), "somebody else's");
});

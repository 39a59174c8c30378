import assert from "node:assert/strict";
import { closeSync, lstatSync, mkdirSync, openSync, symlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import type { Fixture } from "../../test/workspace-fixture.js";
import { hashBytes, hashToHex } from "../platform/hash.js";
import { native } from "../platform/native.js";
import { IndexReader } from "../vdir/index-reader.js";
import { constants } from "../vdir/layout.js";
import type { ProjectWorkspace } from "./project-workspace.js";

const HASHED = Number(constants.ENTRY_HASHED);
const NEW = 1_234_567_890_987_654_321n;

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
const isHashed = (key: string): boolean =>
  ((IndexReader.open(workspace.info.index).lookup(key)?.flags ?? 0) & HASHED) !== 0;

test("of a virtual file the entry changes, and nothing else", async () => {
  const entry = await t.fileEntry("text");
  await workspace.upsert("d/v", entry);
  const changed = { ...entry, mtime: NEW };
  assert.deepEqual(await workspace.updateMtime("d/v", NEW), changed);
  assert.equal(IndexReader.open(workspace.info.index).lookup("d/v")?.mtimeNs, NEW);
  assert.equal(lstatSync(path("d/v"), { throwIfNoEntry: false }), undefined);
  workspace = await (await t.reopen()).open(t.root);
  assert.deepEqual(await workspace.get("d/v"), changed);
});

test("of a physical name the file changes; its access time and its known hash stay", async () => {
  t.write("f", "text");
  mkdirSync(path("d"));
  symlinkSync("f", path("l"));
  await wait(30); // until a hash of it is remembered
  await workspace.resync();
  await workspace.get("f");
  assert.ok(isHashed("f"));
  for (const key of ["f", "d", "l", ""]) {
    native.setTimes(path(key), 77n, 88n);
    assert.equal((await workspace.updateMtime(key, NEW))?.mtime, NEW, key);
    const { atimeNs, mtimeNs } = lstatSync(path(key), { bigint: true });
    assert.equal(mtimeNs, NEW, key);
    if (key !== "l") assert.equal(atimeNs, 77n, key);
  }
});

test("while somebody writes to the file its hash is not believed", async () => {
  t.write("f", "text");
  await wait(30);
  await workspace.resync();
  await workspace.get("f");
  assert.equal(
    hashToHex((await workspace.updateMtime("f", NEW))!.content_hash),
    hashToHex(hashBytes(Buffer.from("text"))),
  );
  assert.ok(isHashed("f"), "nobody writes: it stays known");
  const fd = openSync(path("f"), "r+");
  await workspace.updateMtime("f", NEW + 1n);
  assert.equal(isHashed("f"), false);
  writeSync(fd, "TEXT");
  native.setTimes(path("f"), 1n, NEW + 1n);
  closeSync(fd);
  assert.equal(
    hashToHex((await workspace.get("f"))!.content_hash),
    hashToHex(hashBytes(Buffer.from("TEXT"))),
  );
});

test("absent, whited out, left to the kernel, beyond what a file can have", async () => {
  await workspace.upsert("v", await t.fileEntry("v"));
  t.whiteOut("v");
  for (const key of ["v", "absent", "absent/x"])
    await assert.rejects(workspace.updateMtime(key, NEW), { code: "ENOENT" }, key);
  await assert.rejects(workspace.updateMtime(".env", NEW), { code: "EACCES" });
  await assert.rejects(workspace.updateMtime("v", 1n << 63n), { code: "EINVAL" });
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import type { Fixture } from "../../test/workspace-fixture.js";
import { hashBytes, hashToHex } from "../platform/hash.js";
import { readWorkspaceFile } from "./identity.js";
import { knownWorkspaces } from "./known.js";

let t: Fixture;

beforeEach(async () => {
  t = await workspaceFixture();
});

afterEach(async () => {
  await t.close();
});

/** A phantom workspace at the root with `v` virtual. @returns its id. */
async function phantom(): Promise<string> {
  const workspace = await t.registry.open(t.root, true);
  await workspace.upsert("v", await t.fileEntry("virtual"));
  return workspace.info.id;
}

test("a solid workspace is its real path, also through a link", async () => {
  const { info } = await t.registry.open(t.root);
  assert.equal(info.id, hashToHex(hashBytes(Buffer.from(t.root))).slice(0, 32));
  execFileSync("ln", ["-s", t.root, join(t.directory, "link")]);
  assert.equal((await t.registry.open(join(t.directory, "link"))).info.id, info.id);
  assert.equal(existsSync(join(t.root, ".vrift")), false);
});

test("a phantom workspace says who it is, privately", async () => {
  const id = await phantom();
  const { dev, ino } = statSync(t.root, { bigint: true });
  const text = readFileSync(join(t.root, ".vrift/workspace"), "latin1");
  assert.equal(text, `id ${id}\ndevice ${dev}\ninode ${ino}\n`);
  for (const name of ["", "staging", "whiteouts"])
    assert.equal(statSync(join(t.root, ".vrift", name)).mode & 0o777, 0o700, name);
  for (const name of ["workspace", ".gitignore"])
    assert.equal(statSync(join(t.root, ".vrift", name)).mode & 0o777, 0o600, name);
  assert.equal(readFileSync(join(t.root, ".vrift/.gitignore"), "latin1"), "*\n");
  writeFileSync(join(t.root, ".vrift/workspace"), "nonsense");
  await assert.rejects((await t.reopen()).open(t.root), { code: "VRIFT_DAMAGED" });
});

for (const when of ["while it is open", "while nobody has it open"]) {
  test(`moved ${when}: same id, same entries`, async () => {
    const id = await phantom();
    const moved = join(t.directory, "moved");
    if (when === "while nobody has it open") await t.reopen();
    renameSync(t.root, moved);
    const workspace = await t.registry.open(moved);
    assert.equal(workspace.info.id, id);
    assert.equal((await workspace.get("v"))?.size, 7n);
    assert.deepEqual(
      knownWorkspaces(t.home)
        .filter((known) => known.id === id)
        .map(({ root }) => root),
      [moved],
    );
    // A new project at the old place is somebody else.
    mkdirSync(t.root);
    assert.notEqual((await t.registry.open(t.root)).info.id, id);
    assert.equal((await workspace.get("v"))?.size, 7n);
  });
}

for (const when of ["while the original is open", "while nobody has it open"]) {
  test(`copied ${when}: an id and entries of its own`, async () => {
    const id = await phantom();
    const original = await t.registry.open(t.root);
    const gone = await t.fileEntry("gone in the original");
    await original.upsert("whited-out", gone);
    t.whiteOut("whited-out");
    if (when === "while nobody has it open") await t.reopen();
    const copy = join(t.directory, "copy");
    execFileSync("cp", ["-a", t.root, copy]);
    const copied = await t.registry.open(copy);
    assert.notEqual(copied.info.id, id);
    assert.equal(copied.info.kind, "phantom");
    assert.equal(readWorkspaceFile(copy)?.id, copied.info.id);
    assert.equal((await copied.get("v"))?.size, 7n);
    assert.equal(await copied.get("whited-out"), null);
    await copied.remove("v");
    assert.equal((await (await t.registry.open(t.root)).get("v"))?.size, 7n);
    const roots = await t.store.roots(copied.info.id);
    assert.ok(roots.has(hashBytes(Buffer.from("virtual"))));
  });
}

test("moved across file systems (a copy, the original removed): followed", async () => {
  const id = await phantom();
  const other = join(t.directory, "other");
  execFileSync("cp", ["-a", t.root, other]);
  rmSync(t.root, { recursive: true });
  const workspace = await t.registry.open(other);
  assert.equal(workspace.info.id, id);
  assert.equal((await workspace.get("v"))?.size, 7n);
  const { ino } = statSync(other, { bigint: true });
  assert.equal(readWorkspaceFile(other)?.inode, ino);
});

test("clone: the virtual entries of the source, and then a tree of its own", async () => {
  t.write("physical", "p");
  const id = await phantom();
  const destination = join(t.directory, "clone");
  mkdirSync(destination);
  writeFileSync(join(destination, "physical"), "p");
  const clone = await t.registry.clone(t.root, destination);
  assert.notEqual(clone.info.id, id);
  assert.equal(clone.info.virtualEntries, 1);
  assert.equal((await clone.get("v"))?.size, 7n);
  await clone.upsert("v", await t.fileEntry("changed in the clone"));
  assert.equal((await (await t.registry.open(t.root)).get("v"))?.size, 7n);
  await assert.rejects(t.registry.clone(t.root, destination), { code: "EEXIST" });
  const solid = join(t.directory, "solid");
  mkdirSync(solid);
  await assert.rejects(t.registry.clone(solid, join(t.directory, "clone")), { code: "VRIFT_NOT_PHANTOM" });
});

test("a solid workspace that becomes phantom keeps the hashes it knows, and its old manifest goes", async () => {
  t.write("f", "text");
  const solid = await t.registry.open(t.root);
  const { id, run } = solid.info;
  const workspace = await t.registry.open(t.root, true);
  assert.equal(workspace.info.kind, "phantom");
  assert.notEqual(workspace.info.id, id);
  assert.equal(existsSync(run), false);
  assert.deepEqual(
    knownWorkspaces(t.home).map((known) => known.id),
    [workspace.info.id],
  );
  assert.equal((await t.registry.open(t.root)).info.id, workspace.info.id);
});

test("what cannot be a workspace is refused", async () => {
  await assert.rejects(t.registry.open("/"), { code: "EINVAL" });
  await assert.rejects(t.registry.open("relative"), { code: "EINVAL" });
  await assert.rejects(t.registry.open(join(t.directory, "absent")), { code: "ENOENT" });
  t.write("file", "x");
  await assert.rejects(t.registry.open(join(t.root, "file")), { code: "ENOTDIR" });
  await assert.rejects(t.registry.open(t.home.source), { code: "EINVAL" });
});

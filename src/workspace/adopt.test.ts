import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import type { Fixture } from "../../test/workspace-fixture.js";
import { hashToHex } from "../platform/hash.js";
import { workspacePaths } from "../platform/paths.js";
import { withStripes } from "./stripes.js";
import type { AdoptEntry } from "./workspace.js";

let t: Fixture;

beforeEach(async () => {
  t = await workspaceFixture();
});

afterEach(async () => {
  await t.close();
});

test("what does not hold is refused with its reason, the rest is adopted", async () => {
  mkdirSync(join(t.root, "d"));
  t.write("changed", "now longer than it was");
  t.write("f", "a file");
  const workspace = await t.registry.open(t.root, true);
  const good = await t.adoptEntry("d/good", "good");
  const entries: AdoptEntry[] = [
    good,
    await t.adoptEntry("changed", "was"),
    { ...good, path: "d/absent-blob", hash: "00".repeat(32) },
    { ...good, path: "d/../../escape" },
    { ...good, path: "no/such/directory/x" },
    { ...good, path: "f/below-a-file" },
    { ...good, path: "d/program", mode: 0o755 },
    { ...good, path: "d/.env" },
    { ...good, path: ".git/x" },
    { ...good, path: "d/mode", mode: 0o17777 },
    { ...good, path: "d/hash", hash: "xyz" },
    { ...good, path: "d" },
  ];
  const { refused } = await workspace.adopt(entries, "virtual");
  const codes = refused.map(({ path, reason }) => `${path} ${reason.split(":")[0]}`);
  assert.deepEqual(codes, [
    "changed EBUSY",
    "d/../../escape EINVAL",
    "no/such/directory/x ENOENT",
    "f/below-a-file ENOTDIR",
    "d/program EINVAL",
    "d/.env EINVAL",
    ".git/x EACCES",
    "d/mode EINVAL",
    "d/hash EINVAL",
    "d EISDIR",
    "d/absent-blob ENOENT", // looked for when the roots name it
  ]);
  assert.deepEqual([...workspace.virtualEntries()], [good]);
  assert.ok((await t.store.roots(workspace.info.id)).has(Buffer.from(good.hash, "hex")));
});

test("a solid workspace has nothing virtual; as backed, hashes of files are remembered", async () => {
  t.write("f", "a file");
  chmodSync(join(t.root, "f"), 0o640);
  const workspace = await t.registry.open(t.root);
  const { mtimeNs } = statSync(join(t.root, "f"), { bigint: true });
  const entry = await t.adoptEntry("f", "a file", mtimeNs);
  await assert.rejects(workspace.adopt([entry], "virtual"), { code: "VRIFT_NOT_PHANTOM" });
  assert.deepEqual(await workspace.adopt([entry], "backed"), { refused: [] });
  assert.equal(hashToHex((await workspace.get("f"))!.content_hash), entry.hash);
  unlinkSync(join(t.root, "f"));
  const { refused } = await workspace.adopt([entry], "backed");
  assert.equal(refused.length, 1);
  assert.ok((await t.store.roots(workspace.info.id)).has(Buffer.from(entry.hash, "hex")));
});

test("20,000 entries at once, paged again in the same order, and there after a restart", async () => {
  for (let d = 0; d < 100; d++) mkdirSync(join(t.root, `d${d}`));
  let workspace = await t.registry.open(t.root, true);
  const one = await t.adoptEntry("x", "shared content");
  const entries: AdoptEntry[] = [];
  for (let i = 0; i < 20_000; i++) entries.push({ ...one, path: `d${i % 100}/f${i}` });
  const begin = Date.now();
  assert.deepEqual(await workspace.adopt(entries, "virtual"), { refused: [] });
  assert.ok(Date.now() - begin < 30_000, `took ${Date.now() - begin} ms`);
  assert.equal(workspace.info.virtualEntries, 20_000);
  workspace = await (await t.reopen()).open(t.root);
  assert.equal(workspace.info.virtualEntries, 20_000);
  const all = [...workspace.virtualEntries()].map(({ path }) => path);
  assert.equal(new Set(all).size, 20_000);
  const middle = all[12_345]!;
  const [next] = workspace.virtualEntries(middle);
  assert.equal(next!.path, all[12_346]);
});

test("solidify is refused while an entry has no file; afterwards nothing of ours is left", async () => {
  const workspace = await t.registry.open(t.root, true);
  const { id, run } = workspace.info;
  const entry = await t.fileEntry("content", 0o644);
  await workspace.upsert("v", entry);
  await assert.rejects(t.registry.solidify(t.root), { code: "EBUSY", message: /v is still virtual/ });
  await t.store.exportTo(
    { hash: entry.content_hash, size: entry.size },
    join(t.root, "v"),
    t.root,
    0o644,
    entry.mtime,
  );
  writeFileSync(join(t.root, ".vrift/config.toml"), "");
  await t.registry.solidify(t.root);
  assert.ok(existsSync(join(t.root, ".vrift/config.toml")));
  unlinkSync(join(t.root, ".vrift/config.toml"));
  assert.equal(existsSync(run), false);
  assert.equal(t.store.rootNames().includes(id), false);
  const solid = await t.registry.open(t.root);
  assert.equal(solid.info.kind, "solid");
  assert.deepEqual(await solid.get("v"), entry);
});

test("what was removed and made again does not end by its old whiteout, also when a program holds that up", async () => {
  const workspace = await t.registry.open(t.root, true);
  t.write("kept", "made again");
  const whiteout = t.whiteOut("kept");
  t.whiteOut("sent");
  const { mtimeNs, mode } = statSync(join(t.root, "kept"), { bigint: true });
  const entry = { ...(await t.adoptEntry("kept", "made again", mtimeNs)), mode: Number(mode & 0o7777n) };
  const paths = workspacePaths(t.home, workspace.info.id);
  // Any program at its first change of a name that shares a stripe with these.
  await withStripes({ kind: "phantom", paths }, ["kept", "sent"], async () => {
    const { refused } = await workspace.adopt([entry], "virtual");
    assert.deepEqual(
      refused.map(({ path, reason }) => `${path} ${reason.split(":")[0]}`),
      ["kept EBUSY"],
    );
    await workspace.upsert("sent", await t.fileEntry("sent"));
  });
  await workspace.resync();
  assert.equal(existsSync(whiteout), false);
  assert.equal((await workspace.get("sent"))?.size, 4n);
  assert.deepEqual(await workspace.adopt([entry], "virtual"), { refused: [] });
  unlinkSync(join(t.root, "kept"));
  await workspace.resync();
  assert.equal(hashToHex((await workspace.get("kept"))!.content_hash), entry.hash);
});

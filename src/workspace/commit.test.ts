/** Commit and dehydrate of a workspace in this process; killed at each step in test/workspace/killed.test.ts. */
import assert from "node:assert/strict";
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { type Fixture, workspaceFixture } from "../../test/workspace-fixture.js";
import { hashBytes, hashToHex } from "../platform/hash.js";
import { native } from "../platform/native.js";
import { projectPaths } from "../platform/paths.js";
import { FLAG_DIR } from "../protocol/messages.js";
import { IndexReader } from "../vdir/index-reader.js";
import { constants } from "../vdir/layout.js";
import type { ProjectWorkspace } from "./project-workspace.js";

const VIRTUAL = Number(constants.ENTRY_VIRTUAL);
const BOTH = { dehydrate: true };
const ONLY = { dehydrate: false };

async function opened(
  t: TestContext,
  options: Parameters<typeof workspaceFixture>[0] = {},
): Promise<Fixture & { workspace: ProjectWorkspace }> {
  const fixture = await workspaceFixture(options);
  t.after(() => fixture.close());
  return Object.assign(fixture, { workspace: await fixture.registry.open(fixture.root, true) });
}

const idOf = (text: string) => ({ hash: hashBytes(Buffer.from(text)), size: BigInt(text.length) });

function flagsOf(workspace: ProjectWorkspace, key: string): number | undefined {
  const entry = [...IndexReader.open(workspace.info.index).entries()].find((one) => one.key === key);
  return entry?.flags;
}

test("plain files get a blob of their own, and stay what they are", async (t) => {
  const { workspace, store, root, write } = await opened(t);
  write("a.txt", "alpha");
  write("d/b.txt", "alpha");
  write("empty", "");
  const before = lstatSync(join(root, "a.txt"), { bigint: true });
  const report = await workspace.commit(ONLY);
  assert.deepEqual([report.files, report.present, report.open, report.changed], [2, 1, [], []]);
  const blob = store.statBlob(idOf("alpha"));
  assert.ok(blob?.sealed, "nobody can write it");
  const after = lstatSync(join(root, "a.txt"), { bigint: true });
  assert.notEqual(blob.ino, after.ino);
  assert.deepEqual([after.ino, after.ctimeNs, after.nlink], [before.ino, before.ctimeNs, 1n]);
  assert.deepEqual((await store.census()).garbage.blobs, 0, "the workspace's roots name it");
  assert.equal((await workspace.commit(ONLY)).files, 0, "once");
});

test("a file that is written again is committed again; until then its entry does not say the old content", async (t) => {
  const { workspace, store, root } = await opened(t);
  writeFileSync(join(root, "f"), "one");
  await workspace.commit(ONLY);
  writeFileSync(join(root, "f"), "two");
  assert.equal(hashToHex((await workspace.get("f"))!.content_hash), hashToHex(idOf("two").hash));
  await workspace.resync();
  assert.equal((await workspace.commit(ONLY)).files, 1);
  assert.ok(store.statBlob(idOf("two")));
});

test("what the kernel must find itself is left to it: executables, ELF files, secrets, groups of links", async (t) => {
  const { workspace, store, root, write } = await opened(t);
  write("run.sh", "#!/bin/sh\n");
  chmodSync(join(root, "run.sh"), 0o755);
  writeFileSync(join(root, "lib.so"), Buffer.from("\x7fELF and more", "latin1"));
  write(".env", "secret");
  write("one", "linked");
  linkSync(join(root, "one"), join(root, "two"));
  write(".git/config", "[core]");
  assert.equal((await workspace.commit(BOTH)).files, 0);
  assert.equal((await store.usage()).blobs, 0);
  assert.equal(readdirSync(root).length, 7);
});

test("a file that somebody has open for writing waits", async (t) => {
  const { workspace, root } = await opened(t);
  const fd = openSync(join(root, "log"), "w");
  writeSync(fd, "line\n");
  assert.deepEqual((await workspace.commit(BOTH)).open, ["log"]);
  closeSync(fd);
  assert.equal((await workspace.commit(BOTH)).dehydrated, 1);
});

test("dehydrate: the file goes, its entry has everything, and directories keep their times", async (t) => {
  const { workspace, root, write } = await opened(t);
  write("d/e/file", "content");
  const path = join(root, "d/e/file");
  chmodSync(path, 0o640);
  native.setTimes(path, 1_600_000_000_000_000_001n, 1_600_000_000_123_456_789n);
  native.setTimes(join(root, "d/e"), 5n, 1_500_000_000_000_000_007n);
  const { dehydrated, kept, inUse } = await workspace.commit(BOTH);
  assert.deepEqual([dehydrated, kept, inUse], [1, [], false]);
  assert.equal(existsSync(path), false);
  const entry = (await workspace.get("d/e/file"))!;
  assert.deepEqual([entry.size, entry.mode, entry.mtime], [7n, 0o640, 1_600_000_000_123_456_789n]);
  assert.equal(entry.flags & FLAG_DIR, 0);
  assert.equal(flagsOf(workspace, "d/e/file")! & VIRTUAL, VIRTUAL);
  assert.equal(lstatSync(join(root, "d/e"), { bigint: true }).mtimeNs, 1_500_000_000_000_000_007n);
  assert.equal(existsSync(projectPaths(root).moving), false);
  assert.equal(workspace.info.virtualEntries, 1);
});

test("dehydrate leaves what somebody reads, and what lies where its owner cannot write", async (t) => {
  const { workspace, root, write } = await opened(t);
  for (const key of ["read", "closed/file", "free"]) write(key, key);
  const reader = openSync(join(root, "read"), "r");
  chmodSync(join(root, "closed"), 0o555);
  try {
    const { files, dehydrated } = await workspace.commit(BOTH);
    assert.deepEqual([files, dehydrated], [3, 1]);
    for (const key of ["read", "closed/file"]) {
      assert.equal(readFileSync(join(root, key), "utf8"), key);
      assert.equal(flagsOf(workspace, key)! & VIRTUAL, 0, key);
    }
  } finally {
    closeSync(reader);
    chmodSync(join(root, "closed"), 0o755);
  }
  assert.equal((await workspace.commit(BOTH)).dehydrated, 2);
});

test("a virtual file that was made physical and is dehydrated again costs nothing twice", async (t) => {
  const { workspace, store, root, fileEntry } = await opened(t);
  await workspace.upsert("v", await fileEntry("virtual"));
  writeFileSync(join(root, "v"), "virtual");
  const report = await workspace.commit(BOTH);
  assert.deepEqual([report.files, report.present, report.dehydrated], [1, 1, 1]);
  assert.equal((await store.usage()).blobs, 1);
});

test("by itself, in a thread, soon after the file is quiet", async (t) => {
  const { workspace, store, root } = await opened(t, { commit: { commit: true, dehydrate: false } });
  const writer = openSync(join(root, "open"), "w");
  writeSync(writer, "still open");
  writeFileSync(join(root, "f"), "by itself");
  await workspace.resync();
  for (let i = 0; store.statBlob(idOf("by itself")) === undefined; i++) {
    assert.ok(i < 3000, "in time");
    await wait(10);
  }
  assert.equal(store.statBlob(idOf("still open")), undefined);
  closeSync(writer);
  assert.equal((await workspace.commit(ONLY)).open.length, 0);
  assert.ok(store.statBlob(idOf("still open")));
});

test("what was moving when the process was killed is settled by the next one", async (t) => {
  const fixture = await opened(t);
  const { workspace, root, write } = fixture;
  for (const key of ["gone", "changed"]) write(key, key);
  assert.equal((await workspace.commit(BOTH)).dehydrated, 2);
  await fixture.registry.close();
  // As between rename and unlink: one as it was recorded, one written to in that moment.
  const { moving, intent } = projectPaths(root);
  mkdirSync(moving, { mode: 0o700 });
  const lines = ['{"version":1,"beganNs":"0"}'];
  for (const [n, key] of ["gone", "changed"].entries()) {
    const path = join(moving, String(n));
    writeFileSync(path, key);
    const { mtimeNs, mode } = statSync(path, { bigint: true });
    const { hash, size } = idOf(key);
    const file = { n, key, hash: hashToHex(hash), size: String(size), mtimeNs: String(mtimeNs) };
    lines.push(JSON.stringify({ ...file, mode: Number(mode) & 0o7777 }));
    if (key === "changed") writeFileSync(path, "CHANGED");
  }
  writeFileSync(intent, `${lines.join("\n")}\n`, { mode: 0o600 });

  const next = await (await fixture.reopen({ commit: { commit: true, dehydrate: false } })).open(root);
  await next.commit(ONLY); // behind it
  assert.equal(existsSync(moving), false);
  assert.equal(existsSync(join(root, "gone")), false);
  assert.equal(readFileSync(join(root, "changed"), "utf8"), "CHANGED");
  assert.equal(hashToHex((await next.get("gone"))!.content_hash), hashToHex(idOf("gone").hash));
});

/** What an entry names is held: the look after the roots have it, and the roots at open. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import type { Fixture } from "../../test/workspace-fixture.js";
import { hashBytes } from "../platform/hash.js";
import type { ManifestRecord } from "../manifest/manifest.js";
import { workspacePaths } from "../platform/paths.js";
import { unlinkIfPresent } from "../platform/files.js";
import { parseRoots } from "../store/roots.js";
import type { BlobId } from "../store/store.js";
import { foundPhantom } from "./found-phantom.js";

let t: Fixture;
beforeEach(async () => {
  t = await workspaceFixture();
});
afterEach(async () => {
  await t.close();
});

/** As if a sweep had deleted the blob right after the first look at it. */
function sweptAfterFirstLook(): void {
  const { statBlob } = t.store;
  const looks = (id: BlobId): ReturnType<typeof statBlob> => {
    const found = statBlob(id);
    if (found !== undefined) unlinkSync(t.store.blobPath(id));
    return found;
  };
  Object.assign(t.store, { statBlob: looks });
}

test("an upsert whose content is swept between the look and the roots is refused", async () => {
  const workspace = await t.registry.open(t.root, true);
  const entry = await t.fileEntry("content");
  sweptAfterFirstLook();
  await assert.rejects(workspace.upsert("f", entry), { code: "ENOENT" });
  assert.equal(await workspace.get("f"), null);
});

/** As if a sweep had deleted the blob right before it is looked at, with the roots naming it too late. */
function sweptBeforeTheLook(): void {
  const { statBlob } = t.store;
  const looks = (id: BlobId): ReturnType<typeof statBlob> => {
    if (id.size > 0n) unlinkIfPresent(t.store.blobPath(id));
    return statBlob(id);
  };
  Object.assign(t.store, { statBlob: looks });
}

test("an adopted entry whose content is swept before the roots name it is refused, the others stand", async () => {
  const workspace = await t.registry.open(t.root, true);
  const lost = await t.adoptEntry("lost", "swept");
  const kept = await t.adoptEntry("kept", "");
  sweptBeforeTheLook();
  const { refused } = await workspace.adopt([{ ...lost, path: join(t.root, "lost") }, kept], "virtual");
  assert.deepEqual(
    refused.map(({ path, reason }) => [path, reason.split(":")[0]]),
    [[join(t.root, "lost"), "ENOENT"]],
  );
  assert.deepEqual([...workspace.virtualEntries()], [kept]);
});

test("roots that were lost name all virtual content again after an open", async () => {
  const workspace = await t.registry.open(t.root, true);
  const { id } = workspace.info;
  const entries = [await t.adoptEntry("a", "one"), await t.adoptEntry("b", "two")];
  await workspace.adopt(entries, "virtual");
  await t.registry.close();
  await t.store.removeRoots(id);
  await (await t.reopen()).open(t.root);
  const roots = await t.store.roots(id);
  for (const { hash } of entries) assert.ok(roots.has(Buffer.from(hash, "hex")));
  roots.close();
});

test("roots much longer than what entries name are rewritten, but not beside a damaged journal", async () => {
  const workspace = await t.registry.open(t.root, true);
  const { id } = workspace.info;
  const entry = await t.adoptEntry("a", "one");
  await workspace.adopt([entry], "virtual");
  await t.registry.close();
  const old = await t.store.roots(id);
  await old.add(Array.from({ length: 5000 }, (_, i) => hashBytes(Buffer.from(`${i}`))));
  old.close();
  const damaged = join(workspacePaths(t.home, id).db, "journal.damaged-1");
  const reopenedSize = async (): Promise<number> => {
    await (await t.reopen()).open(t.root);
    await t.registry.close();
    const roots = await t.store.roots(id);
    assert.ok(roots.has(Buffer.from(entry.hash, "hex")));
    roots.close();
    return roots.size;
  };
  writeFileSync(damaged, "");
  assert.equal(await reopenedSize(), 5001);
  unlinkSync(damaged);
  assert.equal(await reopenedSize(), 1);
});

const listOf = (id: string): string => join(t.store.path, "roots", id);
const namedBy = (id: string): ReturnType<typeof parseRoots>["hashes"] =>
  parseRoots(readFileSync(listOf(id)), listOf(id)).hashes;

test("asked to, an open workspace lets go what no entry names any more, once", async () => {
  const workspace = await t.registry.open(t.root, true);
  const { id } = workspace.info;
  const [first, second] = [await t.fileEntry("first"), await t.fileEntry("second")];
  await workspace.upsert("f", first);
  await workspace.upsert("g", second);
  await workspace.upsert("f", second);
  assert.ok(namedBy(id).has(first.content_hash));
  const graced = await t.store.sweep({ has: () => false }, { graceMs: 0 });
  assert.equal(graced.deletedCount, 0);
  await workspace.tidyRoots();
  assert.ok(!namedBy(id).has(first.content_hash) && namedBy(id).has(second.content_hash));
  const { ino } = statSync(listOf(id));
  await workspace.tidyRoots();
  assert.equal(statSync(listOf(id)).ino, ino, "nothing has changed, so nothing is written");
  await workspace.upsert("h", first);
  assert.ok(namedBy(id).has(first.content_hash), "named again");
  await workspace.tidyRoots();
  assert.ok(namedBy(id).has(first.content_hash) && namedBy(id).has(second.content_hash));
});

test("not beside a damaged journal", async () => {
  const workspace = await t.registry.open(t.root, true);
  const { id } = workspace.info;
  const first = await t.fileEntry("first");
  await workspace.upsert("f", first);
  await workspace.remove("f");
  const damaged = join(workspacePaths(t.home, id).db, "journal.damaged-1");
  writeFileSync(damaged, "");
  await workspace.tidyRoots();
  assert.ok(namedBy(id).has(first.content_hash));
  unlinkSync(damaged);
  await workspace.tidyRoots();
  assert.ok(!namedBy(id).has(first.content_hash));
});

test("roots much longer than what entries name are rewritten by themselves while the workspace is open", async () => {
  const workspace = await t.registry.open(t.root, true);
  const { id } = workspace.info;
  const kept = await t.adoptEntry("kept", "kept");
  await workspace.adopt([kept], "virtual");
  await t.registry.close();
  const old = await t.store.roots(id);
  await old.add(Array.from({ length: 5000 }, (_, i) => hashBytes(Buffer.from(`${i}`))));
  old.close();
  const damaged = join(workspacePaths(t.home, id).db, "journal.damaged-1");
  writeFileSync(damaged, "");
  const again = await (await t.reopen()).open(t.root);
  assert.equal(namedBy(id).size, 5001, "as it was, while somebody may need it");
  unlinkSync(damaged);
  await again.upsert("f", await t.fileEntry("second"));
  for (let i = 0; i < 3000 && namedBy(id).size > 2; i++) await wait(10);
  assert.equal(namedBy(id).size, 2);
  assert.ok(namedBy(id).has(Buffer.from(kept.hash, "hex")));
});

test("a clone made while entries end keeps what it has copied", async () => {
  const workspace = await t.registry.open(t.root, true);
  const entries = [];
  for (let i = 0; i < 30; i++) entries.push(await t.adoptEntry(`f${i}`, `content ${i}`));
  await workspace.adopt(entries, "virtual");
  const { home, store } = t;
  /** As the source looks while it is read: in the middle the last entry is replaced, and the roots are rewritten. */
  const root = join(t.directory, "clone");
  mkdirSync(root);
  const copied = new Map<string, Uint8Array>();
  let changing: Promise<unknown> = Promise.resolve();
  function* seed(): Generator<readonly [string, ManifestRecord]> {
    for (const entry of workspace.records()) {
      if (copied.size === 15)
        changing = (async () => {
          await workspace.upsert("f9", await t.fileEntry("another"));
          await workspace.tidyRoots();
        })();
      copied.set(entry[0], entry[1].hash);
      yield entry;
    }
  }
  const id = await foundPhantom({ home, store, root, seed });
  await changing;
  for (const [key, hash] of copied) if (key !== "") assert.ok(namedBy(id).has(hash), key);
});

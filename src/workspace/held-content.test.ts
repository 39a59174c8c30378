/** What an entry names is held: the look after the roots have it, and the roots at open. */
import assert from "node:assert/strict";
import { unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import type { Fixture } from "../../test/workspace-fixture.js";
import { hashBytes } from "../platform/hash.js";
import { workspacePaths } from "../platform/paths.js";
import { unlinkIfPresent } from "../platform/files.js";
import type { BlobId } from "../store/store.js";

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

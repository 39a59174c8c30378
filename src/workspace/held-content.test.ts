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
import { ROOT_ID } from "../manifest/manifest.js";
import { memoryManifest } from "../manifest/memory-manifest.js";
import { workspacePaths } from "../platform/paths.js";
import { unlinkIfPresent } from "../platform/files.js";
import { parseRoots } from "../store/roots.js";
import type { BlobId } from "../store/store.js";
import { silentLog } from "../platform/log.js";
import { foundPhantom } from "./found-phantom.js";
import { tidyRoots } from "./held-content.js";
import { DEFAULT_QUOTA } from "./quota.js";
import { HASHED, VIRTUAL } from "./records.js";
import type { Change, Tree } from "./tree.js";
import { commit } from "./tree.js";

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

test("what was taken away for a moment while the entries were walked is named", async () => {
  const workspace = await t.registry.open(t.root, true);
  const { db } = workspacePaths(t.home, workspace.info.id);
  const roots = await t.store.roots("walked");
  const [kept, refused, ended] = ["kept", "refused", "ended"].map((text) => hashBytes(Buffer.from(text)));
  await roots.add([kept!, refused!, ended!]);
  const held = { naming: 2, exact: undefined, unrest: 0 };
  const facts = { id: 2n, mode: 0o644, size: 1n, mtimeNs: 0n, ctimeNs: 0n, blocks: 0, stamp: null };
  const record = (hash: Buffer): ManifestRecord => ({ ...facts, flags: VIRTUAL | HASHED, hash });
  let walks = 0;
  let refusing = true;
  function* entries(): Generator<readonly [string, ManifestRecord]> {
    walks++;
    yield ["a", record(kept!)];
    // In the first walk its removal is not in the journal yet, and then is refused.
    if (!refusing) yield ["b", record(refused!)];
  }
  const sync = async (): Promise<void> => {
    if (refusing) setImmediate(() => held.unrest++);
    refusing = false;
  };
  const manifest = { entries, sync, sequence: 7n };
  const tree = { roots, held, manifest, paths: { db }, log: silentLog, root: t.root } as unknown as Tree;
  assert.ok(await tidyRoots(tree, (work) => work()));
  assert.equal(walks, 2);
  assert.deepEqual(
    [kept!, refused!, ended!].map((hash) => roots.has(hash)),
    [true, true, false],
  );
  roots.close();
});

test("what moves to a place that the walk has passed is named", async () => {
  const roots = await t.store.roots("walked");
  const manifest = memoryManifest();
  const held = { naming: 0, exact: undefined, unrest: 0 };
  const virtual = { entries: 0, bytes: 0n };
  const quota = DEFAULT_QUOTA;
  const tree = { roots, manifest, held, virtual, quota, onIndexed: () => undefined } as unknown as Tree;
  const facts = { mode: 0o644, size: 1n, mtimeNs: 0n, ctimeNs: 0n, blocks: 0, stamp: null };
  const change = (key: string, hash?: Buffer): Change => {
    const record = hash && { ...facts, id: manifest.nextId(), flags: VIRTUAL | HASHED, hash };
    return { parent: ROOT_ID, key, record };
  };
  const [one, moving] = [hashBytes(Buffer.from("one")), hashBytes(Buffer.from("moving"))];
  await commit(tree, [change("b", one), change("c", moving)]);
  assert.equal(held.naming, 2);
  await roots.add([one, moving]);
  let moved: Promise<void> | undefined;
  function* walk(): Generator<Uint8Array> {
    for (const [key, { hash }] of manifest.entries()) {
      yield hash;
      if (key === "b") moved = commit(tree, [change("a", moving), change("c")]);
    }
  }
  await roots.replace(walk());
  await moved;
  assert.deepEqual(
    [...manifest.entries()].map(([key]) => key),
    ["a", "b"],
  );
  assert.ok(roots.has(one) && roots.has(moving));
  roots.close();
});

test("what a mutation names when it begins and puts when it ends is named", async () => {
  const workspace = await t.registry.open(t.root, true);
  const { id } = workspace.info;
  await workspace.upsert("other", await t.fileEntry("other"));
  const { exportTo } = t.store;
  let tidying: Promise<void> | undefined;
  const meanwhile = async (...given: Parameters<typeof exportTo>): Promise<void> => {
    tidying ??= workspace.tidyRoots();
    // Over, if it does not wait for us.
    await Promise.race([tidying, wait(200)]);
    return exportTo(...given);
  };
  Object.assign(t.store, { exportTo: meanwhile });
  const entry = await t.fileEntry("physical", 0o755);
  await workspace.upsert("program", entry);
  assert.ok(namedBy(id).has(entry.content_hash));
  await tidying;
  assert.ok(namedBy(id).has(entry.content_hash));
  await workspace.tidyRoots();
  assert.equal(namedBy(id).size, 2);
});

test("entries that come and go while the roots are rewritten, again and again: what is there is named", async () => {
  const workspace = await t.registry.open(t.root, true);
  const { id } = workspace.info;
  for (let i = 0; i < 7; i++) mkdirSync(join(t.root, `d${i}`));
  const entries = [];
  for (let i = 0; i < 200; i++) entries.push(await t.adoptEntry(`d${i % 7}/f${i}`, `content ${i}`));
  assert.deepEqual((await workspace.adopt(entries, "virtual")).refused, []);
  let over = false;
  const tidying = (async () => {
    while (!over) await workspace.tidyRoots();
  })();
  for (let i = 0; i < 100; i++) {
    const key = `d${i % 7}/f${i}`;
    if (i % 3 === 0) await workspace.rename(key, `d${(i + 3) % 7}/g${i}`);
    else if (i % 3 === 1) await workspace.remove(key);
    else await workspace.upsert(key, await t.fileEntry(`another ${i}`));
    if (i % 50 === 49) await workspace.rename(`d${(i % 5) + 1}`, `e${i}`);
    if (i % 50 === 49) await workspace.rename(`e${i}`, `d${(i % 5) + 1}`);
  }
  over = true;
  await tidying;
  const assertNamed = (): number => {
    const named = namedBy(id);
    let count = 0;
    for (const { path, hash } of workspace.virtualEntries()) {
      assert.ok(named.has(Buffer.from(hash, "hex")), path);
      count++;
    }
    return count;
  };
  const count = assertNamed();
  await workspace.tidyRoots();
  assert.equal(assertNamed(), count);
  assert.equal(namedBy(id).size, count);
});

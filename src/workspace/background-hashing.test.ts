import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import type { Fixture } from "../../test/workspace-fixture.js";
import { openManifest } from "../manifest/lmdb-manifest.js";
import { silentLog } from "../platform/log.js";
import { workspacePaths } from "../platform/paths.js";
import { BackgroundHashing } from "./background-hashing.js";
import { HASHED, isDir } from "./records.js";
import type { Tree } from "./tree.js";
import { TurnQueue } from "./turn-queue.js";

const FILES = 600;
let t: Fixture;
let id: string;

/** A solid workspace that was opened once: every name is known, and no hash. */
beforeEach(async () => {
  t = await workspaceFixture();
  for (let i = 0; i < FILES; i++) t.write(`d${i % 7}/f${i}`, `text ${i}`);
  id = (await t.registry.open(t.root)).info.id;
  await t.registry.close();
});
afterEach(() => t.close());

test("every file gets its hash, in pieces; a process after this one goes on behind it", async () => {
  const manifest = await openManifest(workspacePaths(t.home, id).db, {
    beforeCommit: () => Promise.resolve(),
    onDamage: assert.ifError,
    onSpent: () => undefined,
  });
  const unhashed = (): number =>
    [...manifest.entries()].filter(([, record]) => !isDir(record) && !(record.flags & HASHED)).length;
  // Commits ask for no more of a tree than this.
  const tree = {
    root: t.root,
    manifest,
    log: { ...silentLog, error: (what: string, error: unknown) => assert.fail(`${what}: ${String(error)}`) },
    roots: { isBeingReplaced: false, size: 0 },
    virtual: { entries: 0, bytes: 0n },
    held: { naming: 0, exact: undefined, unrest: 0 },
    index: undefined,
    onIndexed: () => undefined,
  } as unknown as Tree;
  try {
    assert.equal(unhashed(), FILES);
    let quiet = 1;
    let done = 0;
    const first = new BackgroundHashing(
      tree,
      new TurnQueue(),
      () => quiet-- > 0,
      () => done++,
    );
    first.begin();
    while (done === 0) await wait(20);
    await first.close();
    const left = unhashed();
    assert.ok(left > 0 && left < FILES, `${left} are left`);
    const second = new BackgroundHashing(
      tree,
      new TurnQueue(),
      () => true,
      () => undefined,
    );
    second.begin();
    while (unhashed() > 0) await wait(20);
    await second.close();
    assert.deepEqual([...manifest.entries()].find(([key]) => key === "d0/f0")?.[1].size, 6n);
  } finally {
    await manifest.close();
  }
});

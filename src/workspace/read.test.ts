/** Reads beside mutations: what a read remembers is never older than what it is put over. */
import assert from "node:assert/strict";
import { closeSync, lstatSync, openSync, truncateSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import { hashToHex } from "../platform/hash.js";

/** Long enough to hash that an adoption comes in between. */
const SIZE = 192 * 1024 * 1024;

test("a file that is adopted while it is hashed for somebody stays in the workspace when it leaves the tree", async () => {
  const t = await workspaceFixture();
  const lease = t.store.lease();
  try {
    t.write("big", "");
    const path = join(t.root, "big");
    truncateSync(path, SIZE);
    const workspace = await t.registry.open(t.root, true);
    await workspace.resync();
    const fd = openSync(path, "r");
    const { hash } = await t.store.importFile(fd, path, "link", lease);
    closeSync(fd);
    await wait(50); // what has just changed is hashed and not remembered
    const { mtimeNs, mode, blocks } = lstatSync(path, { bigint: true });
    const answer = workspace.get("big");
    const entry = {
      path: "big",
      hash: hashToHex(hash),
      size: `${SIZE}`,
      mtimeNs: `${mtimeNs}`,
      mode: Number(mode & 0o7777n),
      blocks: Number(blocks),
    };
    assert.deepEqual(await workspace.adopt([entry], "virtual"), { refused: [] });
    assert.equal(hashToHex((await answer)!.content_hash), entry.hash);
    unlinkSync(path); // as `phantom` does when the entry is durable
    await workspace.resync();
    assert.deepEqual([...workspace.virtualEntries()], [entry]);
  } finally {
    lease.release();
    await t.close();
  }
});

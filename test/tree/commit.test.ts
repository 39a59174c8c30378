/** What other commands have of a commit: `vrift commit`, and then snapshots that read nothing, clones that copy nothing. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hashBytes, hashToHex } from "../../src/platform/hash.js";
import { scanTree } from "../../src/platform/scan.js";
import { clone } from "../../src/tree/clone.js";
import { commit } from "../../src/tree/commit.js";
import { KnownContent } from "../../src/tree/known-content.js";
import { phantom } from "../../src/tree/phantom.js";
import { restore } from "../../src/tree/restore.js";
import { snapshot } from "../../src/tree/snapshot.js";
import { hydrate, solid } from "../../src/tree/solid.js";
import { type AccessKind, type Fixture, makeFixture } from "./fixture.js";

const KINDS: readonly AccessKind[] = ["local", "daemon"];
const ONLY = { dehydrate: false };

async function written(fixture: Fixture): Promise<string> {
  const root = join(fixture.directory, "tree");
  mkdirSync(join(root, "d"), { recursive: true });
  writeFileSync(join(root, "old"), "old");
  await phantom(root, fixture.context, { yes: true });
  writeFileSync(join(root, "d/new"), "written by a program");
  writeFileSync(join(root, "run"), "#!/bin/sh\n");
  chmodSync(join(root, "run"), 0o755);
  return root;
}

for (const kind of KINDS) {
  test(`${kind}: commit and dehydrate`, async (t) => {
    const fixture = await makeFixture(t, kind);
    const root = await written(fixture);
    const first = await commit(root, fixture.context, ONLY);
    assert.equal(first.workspace.virtualEntries, 1);
    assert.ok(fixture.store.statBlob({ hash: hashBytes(Buffer.from("written by a program")), size: 20n }));
    const second = await commit(root, fixture.context, { dehydrate: true });
    assert.deepEqual([second.files, second.dehydrated, second.workspace.virtualEntries], [0, 1, 2]);
    assert.equal(existsSync(join(root, "d/new")), false);
    await solid(root, fixture.context);
    assert.equal(readFileSync(join(root, "d/new"), "utf8"), "written by a program");
    await assert.rejects(commit(root, fixture.context, ONLY), { code: "VRIFT_NOT_PHANTOM" });
  });

  test(`${kind}: a clone has what was committed as virtual files, and the rest as copies`, async (t) => {
    const fixture = await makeFixture(t, kind);
    const root = await written(fixture);
    await commit(root, fixture.context, ONLY);
    writeFileSync(join(root, "late"), "not committed");
    const dst = join(fixture.directory, "clone");
    const summary = await clone(root, dst, fixture.context);
    assert.equal(summary.workspace.virtualEntries >= 2, true);
    assert.equal(existsSync(join(dst, "d/new")), false);
    // A daemon may have committed it by itself, if this machine is slow.
    if (kind === "local") assert.equal(readFileSync(join(dst, "late"), "utf8"), "not committed");
    assert.equal(statSync(join(dst, "run")).mode & 0o777, 0o755);
    await hydrate(dst, fixture.context);
    assert.equal(readFileSync(join(dst, "late"), "utf8"), "not committed");
    assert.equal(readFileSync(join(dst, "d/new"), "utf8"), "written by a program");
    const times = [root, dst].map((one) => lstatSync(join(one, "d/new"), { bigint: true }).mtimeNs);
    assert.equal(times[0], times[1]);
  });
}

test("the hash of a committed file is known without reading it, until it changes; snapshots are right both times", async (t) => {
  const fixture = await makeFixture(t, "local");
  const { context } = fixture;
  const root = await written(fixture);
  await commit(root, context, ONLY);
  const known = async (): Promise<Record<string, string | undefined>> => {
    const { index } = await context.access.open(root);
    const content = new KnownContent(index);
    const entries = await scanTree(root, [".vrift"]);
    return Object.fromEntries(
      entries.map((entry) => {
        const hash = content.hashOf(entry);
        return [entry.key, hash && hashToHex(hash)];
      }),
    );
  };
  const text = hashToHex(hashBytes(Buffer.from("written by a program")));
  assert.deepEqual(await known(), { ".vrift": undefined, d: undefined, "d/new": text, run: undefined });
  await snapshot(root, "one", context);
  writeFileSync(join(root, "d/new"), "WRITTEN BY A PROGRAM");
  assert.equal((await known())["d/new"], undefined);
  await snapshot(root, "two", context);
  await restore(root, "one", context);
  await hydrate(root, context);
  assert.equal(readFileSync(join(root, "d/new"), "utf8"), "written by a program");
  await restore(root, "two", context);
  await hydrate(root, context);
  assert.equal(readFileSync(join(root, "d/new"), "utf8"), "WRITTEN BY A PROGRAM");
});

test("what snapshots name is there after a sweep, although nobody has read it for them", async (t) => {
  const fixture = await makeFixture(t, "local");
  const { context, store } = fixture;
  const root = await written(fixture);
  await commit(root, context, ONLY);
  await snapshot(root, "one", context);
  writeFileSync(join(root, "d/new"), "something else by now");
  await context.access.sync(root);
  await store.sweep({ has: () => false }, { graceMs: 0 });
  await restore(root, "one", context);
  await hydrate(root, context);
  assert.equal(readFileSync(join(root, "d/new"), "utf8"), "written by a program");
});

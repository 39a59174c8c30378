/** Many files of the same content become virtual in one run, in threads; none is lost, and none is copied. */
import assert from "node:assert/strict";
import { closeSync, lstatSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ownerOf } from "../../src/tree/candidates.js";
import { moveAside, settle } from "../../src/workspace/moved-file.js";
import { phantom } from "../../src/tree/phantom.js";
import { solid } from "../../src/tree/solid.js";
import { type TakenFile, takeFile } from "../../src/workspace/take-file.js";
import { listing, makeFixture } from "./fixture.js";

const DIRECTORIES = 60;
const FILES = 40;

for (const kind of ["local", "daemon"] as const)
  test(`every content is there many times, ${kind}`, async (t) => {
    const { context, directory } = await makeFixture(t, kind);
    const root = join(directory, "tree");
    for (let d = 0; d < DIRECTORIES; d++) {
      mkdirSync(join(root, `d${d}`), { recursive: true });
      for (let f = 0; f < FILES; f++)
        writeFileSync(join(root, `d${d}`, `f${f}`), `content ${(d * FILES + f) % 700}\n`);
    }
    const before = listing(root);
    const summary = await phantom(root, context, { yes: false });
    assert.equal(summary.files, DIRECTORIES * FILES);
    assert.equal(summary.workspace.virtualEntries, DIRECTORIES * FILES);
    assert.deepEqual(summary.methods, { link: 700, present: DIRECTORIES * FILES - 700 });
    assert.deepEqual([summary.refused, summary.kept, summary.physical.changed], [[], [], undefined]);
    await solid(root, context);
    assert.deepEqual(listing(root), before);
  });

test("content that another tree has linked and not let go is copied", async (t) => {
  const { context, directory } = await makeFixture(t, "local");
  const other = join(directory, "other");
  writeFileSync(other, "shared\n");
  const lease = context.store.lease();
  const fd = openSync(other, "r");
  await context.store.importFile(fd, other, "link", lease);
  closeSync(fd);
  const root = join(directory, "tree");
  mkdirSync(root);
  for (const name of ["a", "b"]) writeFileSync(join(root, name), "shared\n");
  const { files, methods } = await phantom(root, context, { yes: false });
  lease.release();
  assert.deepEqual([files, methods], [2, { present: 2 }]);
});

test("a file whose link somebody has replaced stays: who compares the tree sees another file in its place", async (t) => {
  const { context, directory } = await makeFixture(t, "local");
  const { store } = context;
  const root = join(directory, "tree");
  mkdirSync(join(root, ".vrift", "moving"), { recursive: true });
  writeFileSync(join(root, "a"), "content\n");
  writeFileSync(join(root, "b"), "content\n");
  const lease = store.lease();
  const owner = ownerOf(root);
  const take = (key: string, how: "link" | "copy"): ReturnType<typeof takeFile> =>
    takeFile(
      { key, ino: lstatSync(join(root, key), { bigint: true }).ino },
      { store, root, owner, lease, how },
    );
  for (const replaced of [false, true]) {
    const a = (await take("a", "link")) as TakenFile;
    const { ino, ctimeNs, entry } = a;
    assert.equal(await take("b", "link"), "later");
    if (replaced) assert.equal(((await take("b", "copy")) as TakenFile).method, "present");
    const { hash, size, mtimeNs, mode } = entry;
    const moved = moveAside(
      root,
      { n: 0, key: "a", hash, size, mtimeNs, mode },
      { ino, ctimeNs, linked: true },
    );
    if (replaced) {
      assert.equal(moved, "changed");
      assert.equal(readFileSync(join(root, "a"), "utf8"), "content\n");
      continue;
    }
    // It is replaced only now: the file goes back.
    assert.ok(typeof moved !== "string");
    assert.equal(((await take("b", "copy")) as TakenFile).method, "present");
    assert.deepEqual(await settle(store, root, moved), {
      outcome: "returned",
      reason: "changed",
      kept: null,
    });
    assert.equal(readFileSync(join(root, "a"), "utf8"), "content\n");
    rmSync(store.blobPath(a.id));
  }
  lease.release();
});

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { clone } from "../../src/tree/clone.js";
import { hydrate, solid } from "../../src/tree/solid.js";
import { ingest } from "../../src/tree/ingest.js";
import { phantom } from "../../src/tree/phantom.js";
import { statFile } from "../../src/workspace/stat-file.js";
import { type Fixture, listing, makeFixture, ACCESS_KINDS } from "./fixture.js";
import { makeOddTree } from "./odd-tree.js";

function oddTree({ directory }: Fixture, name: string): string {
  const root = join(directory, name);
  mkdirSync(root);
  makeOddTree(root);
  return root;
}

for (const kind of ACCESS_KINDS) {
  test(`${kind}: a clone of a phantom tree made solid is the original, and its changes are its own`, async (t) => {
    const fixture = await makeFixture(t, kind);
    const { context, directory, store } = fixture;
    const src = oddTree(fixture, "src");
    const original = listing(src);
    await phantom(src, context, { yes: true });
    const phantomListing = listing(src).filter((line) => !line.includes(".vrift"));
    const blobs = await store.usage();

    const dst = join(directory, "dst");
    const made = await clone(src, dst, context);
    assert.equal(made.workspace.virtualEntries, 14);
    assert.equal(made.imported, null);
    assert.deepEqual(
      listing(dst).filter((line) => !line.includes(".vrift")),
      phantomListing,
    );
    assert.equal(existsSync(join(dst, ".vrift/incomplete")), false);
    const { bytes } = await store.usage();
    assert.ok(
      bytes - blobs.bytes < 65_536n,
      "what is virtual was not touched; what it was at its beginning is small",
    );

    await hydrate(dst, context, ["sub/deep"]);
    writeFileSync(join(dst, "sub/deep/er/x.json"), "changed in the clone");
    writeFileSync(join(dst, "tools/run.sh"), "changed in the clone");
    writeFileSync(join(dst, "tools/linked-1"), "changed in the clone");
    await solid(src, context);
    assert.deepEqual(listing(src), original);
    await solid(dst, context);
    assert.equal(readFileSync(join(dst, "sub/deep/er/x.json"), "utf8"), "changed in the clone");
    assert.equal(
      readFileSync(join(dst, "sub/linked-2"), "utf8"),
      "changed in the clone",
      "a group stays a group",
    );
  });

  test(`${kind}: a clone of a solid tree leaves it alone`, async (t) => {
    const fixture = await makeFixture(t, kind);
    const src = oddTree(fixture, "src");
    const original = listing(src);
    const dst = join(fixture.directory, "dst");
    const made = await clone(src, dst, fixture.context);
    assert.equal(made.imported?.files, 14);
    assert.equal(statFile(join(dst, "plain.txt")), undefined);
    assert.deepEqual(listing(src), original);
    await solid(dst, fixture.context);
    assert.deepEqual(listing(dst), original);
  });

  test(`${kind}: a clone refuses what it cannot be`, async (t) => {
    const fixture = await makeFixture(t, kind);
    const { context, directory } = fixture;
    const src = oddTree(fixture, "src");
    mkdirSync(join(directory, "full"));
    writeFileSync(join(directory, "full/file"), "");
    const table: [string, string, RegExp][] = [
      [src, src, /same directory/],
      [src, join(src, "inside"), /inside its source/],
      [src, directory, /inside its destination/],
      [src, join(directory, "full"), /not empty/],
      [src, join(directory, "full/file"), /not a directory/],
      [join(directory, "absent"), join(directory, "dst"), /ENOENT|no such/],
    ];
    for (const [from, to, message] of table) await assert.rejects(clone(from, to, context), message);
    const before = listing(src);
    await phantom(src, context, { yes: true });
    await assert.rejects(
      clone(join(src, "sub"), join(directory, "dst"), context),
      /part of the phantom workspace/,
    );
    const elsewhere = (await makeFixture(t, kind)).directory;
    await assert.rejects(clone(directory, join(elsewhere, "dst"), context), /phantom workspace of its own/);
    assert.equal(existsSync(join(elsewhere, "dst")), false, "what is refused leaves nothing");
    await solid(src, context);
    assert.deepEqual(listing(src), before);
  });

  test(`${kind}: an interrupted clone is finished by the same command and refused to others`, async (t) => {
    const fixture = await makeFixture(t, kind);
    const { context, directory } = fixture;
    const src = oddTree(fixture, "src");
    const original = listing(src);
    await phantom(src, context, { yes: true });
    const dst = join(directory, "dst");
    await clone(src, dst, context);
    // As a kill between the registration and the end leaves it: directories unfinished, a file missing.
    writeFileSync(join(dst, ".vrift/incomplete"), src);
    chmodSync(join(dst, "locked"), 0o700);
    writeFileSync(join(dst, "tools/run.sh"), "half");
    await assert.rejects(phantom(dst, context, { yes: true }), /interrupted clone/);
    await assert.rejects(clone(join(directory, "home"), dst, context), /another interrupted clone/);
    const again = await clone(src, dst, context);
    assert.ok(again.alreadyThere > 5);
    await solid(dst, context);
    await solid(src, context);
    assert.deepEqual(listing(src), original);
    assert.deepEqual(listing(dst), original);
  });

  test(`${kind}: ingest fills the store and leaves the tree`, async (t) => {
    const fixture = await makeFixture(t, kind);
    const src = oddTree(fixture, "src");
    const original = listing(src);
    const first = await ingest(src, fixture.context);
    assert.equal(first.files, 14);
    assert.deepEqual(first.methods, { copy: 11, empty: 1, present: 2 });
    const again = await ingest(src, fixture.context);
    // What has an index tells unchanged files without reading them.
    assert.deepEqual(again.methods, kind === "file" ? { present: 13, empty: 1 } : {});
    assert.equal(again.files + again.unchanged, 14);
    assert.deepEqual(listing(src), original);
  });
}

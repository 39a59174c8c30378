/** Files that somebody uses while phantom works on them: whoever writes keeps an inode of his own, and nothing he wrote is lost. */
import assert from "node:assert/strict";
import {
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { WorkspaceAccess } from "../../src/tree/access.js";
import type { TreeContext } from "../../src/tree/context.js";
import { Intent, movingDirectory, movingPath } from "../../src/workspace/intent.js";
import { type PhantomSummary, phantom } from "../../src/tree/phantom.js";
import { isInterrupted } from "../../src/workspace/recover.js";
import { solid } from "../../src/tree/solid.js";
import { withTreeLock } from "../../src/workspace/tree-lock.js";
import { type Fixture, listing, makeFixture } from "./fixture.js";

interface Busy extends Fixture {
  readonly root: string;
  readonly path: string;
}

async function oneFile(t: Parameters<typeof makeFixture>[0]): Promise<Busy> {
  const fixture = await makeFixture(t, "local");
  const root = join(fixture.directory, "tree");
  mkdirSync(root);
  const path = join(root, "file");
  writeFileSync(path, "as it was");
  return { ...fixture, root, path };
}

/** Phantom with something done by somebody else at the worst moment: after its entries are durable. */
function phantomWith(root: string, context: TreeContext, somebody: () => void): Promise<PhantomSummary> {
  const access: WorkspaceAccess = {
    ...context.access,
    adopt: async (...request) => {
      const refused = await context.access.adopt(...request);
      somebody();
      return refused;
    },
  };
  return phantom(root, { ...context, access }, { yes: true });
}

/** Every blob has the content its name says, and is nobody's file. */
async function assertStoreSound({ store, home }: Fixture): Promise<void> {
  const names = readdirSync(join(home.source, "blake3"), { recursive: true }).map(String);
  for (const name of names.filter((each) => each.endsWith(".bin"))) {
    const [, hash, size] = /([0-9a-f]{64})_(\d+)\.bin$/.exec(name)!;
    await store.verifyBlob({ hash: Buffer.from(hash!, "hex"), size: BigInt(size!) });
    assert.equal(lstatSync(join(home.source, "blake3", name)).nlink, 1);
  }
}

test("a file that is open for writing stays", async (t) => {
  const { root, path, context } = await oneFile(t);
  const fd = openSync(path, "r+");
  const made = await phantom(root, context, { yes: true });
  closeSync(fd);
  assert.deepEqual(made.physical, { writer: 1 });
  assert.equal(lstatSync(path).nlink, 1);
});

test("a writer that comes while the file is moved gets it back, and the blob is a copy", async (t) => {
  const fixture = await oneFile(t);
  const { root, path, context } = fixture;
  let fd = -1;
  const made = await phantomWith(root, context, () => {
    fd = openSync(path, "r+");
  });
  assert.deepEqual(made.physical, { writer: 1 });
  assert.equal(made.workspace.virtualEntries, 0);
  writeSync(fd, "AS IT IS NOW");
  closeSync(fd);
  assert.equal(readFileSync(path, "utf8"), "AS IT IS NOW");
  await assertStoreSound(fixture);
  await solid(root, context);
  assert.equal(readFileSync(path, "utf8"), "AS IT IS NOW");
});

test("a file that is written, replaced, linked or removed while it is taken is what its user made of it", async (t) => {
  const changes: [string, (path: string) => void, (path: string) => void][] = [
    [
      "written",
      (path) => writeFileSync(path, "other"),
      (path) => assert.equal(readFileSync(path, "utf8"), "other"),
    ],
    [
      "written in the same size",
      (path) => writeFileSync(path, "AS IT WAS"),
      (path) => assert.equal(readFileSync(path, "utf8"), "AS IT WAS"),
    ],
    [
      "replaced",
      (path) => {
        writeFileSync(`${path}.new`, "newer");
        renameSync(`${path}.new`, path);
      },
      (path) => assert.equal(readFileSync(path, "utf8"), "newer"),
    ],
    ["removed", (path) => unlinkSync(path), (path) => assert.equal(existsSync(path), false)],
    [
      "renamed",
      (path) => renameSync(path, `${path}-2`),
      (path) => {
        assert.equal(existsSync(path), false);
        assert.equal(readFileSync(`${path}-2`, "utf8"), "as it was");
      },
    ],
    ["linked", (path) => linkSync(path, `${path}-2`), (path) => assert.equal(lstatSync(path).nlink, 2)],
    [
      "a directory now",
      (path) => {
        unlinkSync(path);
        mkdirSync(path);
      },
      (path) => assert.equal(lstatSync(path).isDirectory(), true),
    ],
  ];
  for (const [what, change, check] of changes) {
    await t.test(what, async (each) => {
      const fixture = await oneFile(each);
      const { root, path, context } = fixture;
      const made = await phantomWith(root, context, () => change(path));
      assert.equal(made.files, 0);
      check(path);
      assert.equal(made.workspace.virtualEntries, 0, "and it is not virtual");
      await assertStoreSound(fixture);
      await solid(root, context);
      check(path);
    });
  }
});

test("a link into the store that a kill has left is cut, also when the file was changed since", async (t) => {
  for (const changed of [false, true]) {
    for (const command of ["phantom", "solid"]) {
      await t.test(`${command}, ${changed ? "" : "not "}changed`, async (each) => {
        const fixture = await oneFile(each);
        const { root, path, context, store } = fixture;
        if (command === "solid") await phantom(root, context, { yes: true });
        writeFileSync(`${path}-2`, "linked");
        const fd = openSync(`${path}-2`, "r");
        const lease = store.lease();
        assert.equal((await store.importFile(fd, path, "link", lease)).method, "link");
        lease.release();
        closeSync(fd);
        if (changed) writeFileSync(`${path}-2`, "LINKED");
        if (command === "phantom") assert.equal((await phantom(root, context, { yes: true })).files, 2);
        await solid(root, context);
        assert.equal(lstatSync(`${path}-2`).nlink, 1);
        assert.equal(readFileSync(`${path}-2`, "utf8"), changed ? "LINKED" : "linked");
        await assertStoreSound(fixture);
      });
    }
  }
});

test("one command at a time", async (t) => {
  const { root, context } = await oneFile(t);
  const workspace = await context.access.open(root, { phantom: true });
  await withTreeLock(workspace, () => assert.rejects(solid(root, context), /another vrift command/));
  await solid(root, context);
});

test("recovery gives a changed file back, beside a newer one if there is one, and drops an unchanged one", async (t) => {
  const { root, context, store } = await oneFile(t);
  for (const name of ["same", "changed", "taken"]) writeFileSync(join(root, name), `${name} content`);
  unlinkSync(join(root, "file"));
  const before = listing(root);
  const stamps = ["same", "changed", "taken"].map((key) => lstatSync(join(root, key), { bigint: true }));
  await phantom(root, context, { yes: true });
  const entries = await context.access.entries(root, "", 10);
  const files = ["same", "changed", "taken"].map((key, n) => {
    const { hash, size, mtimeNs, mode } = entries.find(({ path }) => path === key)!;
    return { n, key, hash, size, mtimeNs, mode };
  });
  // As a kill right after three renames leaves it.
  Intent.write(root, { directories: [], files }).close();
  for (const { n, hash, size, mtimeNs, mode } of files) {
    const id = { hash: Buffer.from(hash, "hex"), size: BigInt(size) };
    await store.exportTo(id, movingPath(root, n), movingDirectory(root), mode, BigInt(mtimeNs));
  }
  writeFileSync(movingPath(root, 1), "CHANGED CONTENT");
  writeFileSync(movingPath(root, 2), "older change");
  writeFileSync(join(root, "taken"), "newer");
  assert.equal(isInterrupted(root), true);

  const { recovered } = await solid(root, context);
  assert.deepEqual(recovered, { removed: 1, returned: 2, kept: ["taken.vrift-kept-1"] });
  assert.equal(readFileSync(join(root, "changed"), "utf8"), "CHANGED CONTENT");
  assert.equal(readFileSync(join(root, "taken"), "utf8"), "newer");
  assert.equal(readFileSync(join(root, "taken.vrift-kept-1"), "utf8"), "older change");
  assert.equal(lstatSync(join(root, "same"), { bigint: true }).mtimeNs, stamps[0]!.mtimeNs);
  assert.equal(isInterrupted(root), false);
  assert.ok(before.some((line) => line.startsWith("same ")));
});

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { VriftError } from "../../src/platform/errors.js";
import { phantom } from "../../src/tree/phantom.js";
import { assertMayBePhantom } from "../../src/tree/refusal.js";
import { solid } from "../../src/tree/solid.js";
import { statFile } from "../../src/workspace/stat-file.js";
import { makeFixture } from "./fixture.js";

function refusedAs(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof VriftError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
}

test("roots that cannot become phantom", async (t) => {
  const { directory, home } = await makeFixture(t, "file");
  const user = join(directory, "user");
  mkdirSync(join(user, "project/src"), { recursive: true });
  const env = { HOME: user };
  const table: [string, RegExp][] = [
    ["/", /root of the file system/],
    ["/tmp", /temporary files/],
    [user, /your home directory/],
    [directory, /contains/],
    [home.root, /vrift's own directory/],
    [join(home.source, "blake3"), /inside vrift's own directory/],
  ];
  for (const [root, message] of table) {
    assert.throws(
      () => assertMayBePhantom(root, home, { yes: true, env }),
      refusedAs("VRIFT_ROOT_REFUSED", message),
    );
  }
  assertMayBePhantom(join(user, "project"), home, { yes: false, env });
  const nfs = {
    yes: true,
    env,
    fileSystemType: (path: string) => (path.startsWith(home.root) ? 0x6969 : 0xef53),
  };
  assert.throws(
    () => assertMayBePhantom(join(user, "project"), home, nfs),
    refusedAs("VRIFT_ROOT_REFUSED", /NFS.*set VRIFT_HOME/),
  );
});

test("a git work tree is phantom only when its owner says so, and keeps .git", async (t) => {
  const { directory, context } = await makeFixture(t, "local");
  const root = join(directory, "tree");
  mkdirSync(join(root, ".git"), { recursive: true });
  mkdirSync(join(root, "packages/one"), { recursive: true });
  writeFileSync(join(root, ".git/HEAD"), "ref");
  writeFileSync(join(root, "packages/one/a"), "a");
  for (const part of [root, join(root, "packages")]) {
    await assert.rejects(
      phantom(part, context, { yes: false }),
      refusedAs("VRIFT_GIT_TREE", /git work tree/),
    );
  }
  assert.equal(statFile(join(root, ".vrift")), undefined);
  await phantom(root, context, { yes: true });
  assert.ok(statFile(join(root, ".git/HEAD")));
  assert.equal(statFile(join(root, "packages/one/a")), undefined);
  await assert.rejects(
    phantom(join(root, "packages"), context, { yes: true }),
    refusedAs("VRIFT_ROOT_REFUSED", /part of the phantom workspace/),
  );
});

test("what is not phantom cannot be made solid; a link to a root is the root", async (t) => {
  const { directory, context } = await makeFixture(t, "local");
  const root = join(directory, "tree");
  mkdirSync(root);
  writeFileSync(join(root, "a"), "a");
  symlinkSync("tree", join(directory, "link"));
  await assert.rejects(solid(root, context), refusedAs("VRIFT_NOT_PHANTOM", /tree/));
  const made = await phantom(join(directory, "link"), context, { yes: true });
  assert.equal(made.workspace.root, root);
  await solid(join(directory, "link"), context);
  assert.ok(statFile(join(root, "a")));
});

test("a directory that was closed after phantom gets its files back and is closed again", async (t) => {
  const { directory, context } = await makeFixture(t, "local");
  const root = join(directory, "tree");
  mkdirSync(join(root, "sub/deep"), { recursive: true });
  writeFileSync(join(root, "sub/deep/a"), "a");
  await phantom(root, context, { yes: true });
  for (const path of ["sub/deep", "sub"]) chmodSync(join(root, path), 0o555);
  await solid(root, context);
  assert.ok(statFile(join(root, "sub/deep/a")));
  for (const path of ["sub/deep", "sub"]) assert.equal(statFile(join(root, path))!.mode & 0o777n, 0o555n);
});

test("a workspace inside another one keeps its files", async (t) => {
  const { directory, context } = await makeFixture(t, "local");
  const root = join(directory, "outer");
  mkdirSync(join(root, "inner"), { recursive: true });
  for (const name of ["a", "inner/b"]) writeFileSync(join(root, name), name);
  await phantom(join(root, "inner"), context, { yes: true });
  writeFileSync(join(root, "inner/later"), "later");
  const outer = await phantom(root, context, { yes: true });
  assert.equal(outer.files, 1);
  assert.ok((outer.physical.workspace ?? 0) >= 2);
  assert.ok(statFile(join(root, "inner/later")));
  await solid(root, context);
  await solid(join(root, "inner"), context);
  for (const name of ["a", "inner/b", "inner/later"]) assert.ok(statFile(join(root, name)), name);
});

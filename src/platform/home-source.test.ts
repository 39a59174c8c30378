import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { configuredHome, loadConfig } from "./config.js";
import { recordSource } from "./home-source.js";
import { type Home, resolveHome } from "./paths.js";

let directory: string;
let home: Home;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vrift-source-"));
  home = resolveHome({ VRIFT_HOME: join(directory, "home") });
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

async function withStore(name: string): Promise<Home> {
  return configuredHome(home, await loadConfig({ home, env: { VR_THE_SOURCE: join(directory, name) } }));
}

function addWorkspace(id: string, kind: string | undefined): void {
  const db = join(home.root, "db", id.repeat(32));
  mkdirSync(db, { recursive: true });
  if (kind !== undefined) writeFileSync(join(db, "workspace.json"), JSON.stringify({ kind }));
}

test("a fresh home has no record, and looking at it makes none", async () => {
  assert.equal((await withStore("a")).source, join(directory, "a"));
  assert.ok(!existsSync(home.root));
  mkdirSync(home.root);
  await withStore("a");
  assert.deepEqual(existsSync(join(home.root, "source")), false);
});

test("trees made with one store are not opened with another", async () => {
  mkdirSync(home.root);
  recordSource(await withStore("a"));
  assert.equal(readFileSync(join(home.root, "source"), "utf8"), `${join(directory, "a")}\n`);
  addWorkspace("1", "solid");
  assert.equal((await withStore("b")).source, join(directory, "b"), "a solid tree has its files");
  addWorkspace("2", "phantom");
  await withStore("a");
  await assert.rejects(withStore("b"), (error: Error & { code?: string }) => {
    assert.equal(error.code, "VRIFT_CONFIG");
    for (const name of ["a", "b"])
      assert.ok(error.message.includes(` ${join(directory, name)}`), error.message);
    assert.match(error.message, /VR_THE_SOURCE/);
    return true;
  });
  await assert.rejects(async () => configuredHome(home, await loadConfig({ home, env: {} })), {
    code: "VRIFT_CONFIG",
  });
});

test("a workspace that does not say what it is counts", async () => {
  mkdirSync(home.root);
  recordSource(await withStore("a"));
  addWorkspace("1", undefined);
  await assert.rejects(withStore("b"), { code: "VRIFT_CONFIG" });
});

test("another name of the same store is the same store", async () => {
  mkdirSync(home.root);
  mkdirSync(join(directory, "a"));
  symlinkSync("a", join(directory, "b"));
  recordSource(await withStore("a"));
  addWorkspace("1", "phantom");
  await withStore("b");
});

test("without trees the store may change, and the next use records the new one", async () => {
  mkdirSync(home.root);
  recordSource(await withStore("a"));
  recordSource(await withStore("b"));
  addWorkspace("1", "phantom");
  await assert.rejects(withStore("a"), { code: "VRIFT_CONFIG" });
  await withStore("b");
});

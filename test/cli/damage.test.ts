/** What commands say, and do not do, when home and tree do not belong together. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { errorTable } from "../../src/platform/errors.js";
import { commandNames } from "../../src/cli/commands.js";
import { TestHome } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());

function project(name: string): string {
  const path = join(home.work, name);
  mkdirSync(path);
  writeFileSync(join(path, "a"), `content of ${name}\n`);
  return path;
}

test("a phantom tree with the wrong home: run says that files are missing, solid ends nothing", async () => {
  const path = project("elsewhere");
  assert.equal((await home.vrift(["phantom", path])).code, 0);
  const other = new TestHome();
  try {
    const solid = await other.vrift(["solid", path]);
    assert.equal(solid.code, 1);
    assert.match(solid.stderr, /^vrift: VRIFT_OTHER_HOME: .*elsewhere.*\n {2}.*VRIFT_HOME/);
    const run = await other.vrift(["run", "--root", path, "ls", path]);
    assert.equal(run.stdout, "");
    assert.match(run.stderr, /^vrift: VRIFT_OTHER_HOME: [^]*only files that are on disk will be seen/);
  } finally {
    await other.remove();
  }
  assert.equal((await home.vrift(["solid", path])).code, 0);
  assert.equal(readFileSync(join(path, "a"), "utf8"), "content of elsewhere\n");
});

test("a command with another store than the daemon's touches nothing", async () => {
  const path = project("stores");
  assert.equal((await home.vrift(["daemon", "start"])).code, 0);
  const { code, stderr } = await home.vrift(["phantom", path], {
    env: { VR_THE_SOURCE: join(home.directory, "another") },
  });
  assert.equal(code, 1);
  assert.match(stderr, /^vrift: VRIFT_CONFIG: .*the_source.*another/);
  assert.ok(!existsSync(join(path, ".vrift")));
});

test("trees made with one store are not opened with another; what needs no store works", async () => {
  const other = new TestHome();
  const env = { VR_THE_SOURCE: join(other.directory, "own") };
  try {
    const path = join(other.work, "tree");
    mkdirSync(path);
    writeFileSync(join(path, "a"), "content\n");
    assert.equal((await other.vrift(["phantom", path], { env })).code, 0);
    assert.equal((await other.vrift(["daemon", "stop"])).code, 0, "without the variable");
    for (const args of [
      ["cat", "a"],
      ["solid", "."],
      ["clone", ".", "../copy"],
    ]) {
      const { code, stderr } = await other.vrift(args, { cwd: path });
      assert.equal(code, 1);
      assert.match(stderr, /^vrift: VRIFT_CONFIG: .*\/own.*\/the_source.*VR_THE_SOURCE/, args.join(" "));
    }
    const start = await other.vrift(["daemon", "start"]);
    assert.match(start.stderr, /does not start; it says: vriftd: VRIFT_CONFIG: .*\/own.*the_source/);
    assert.equal((await other.vrift(["status"])).code, 0);
    assert.match(
      (await other.vrift(["doctor"], { cwd: path })).stdout,
      /^fail {2}the trees of .*\/own.*the_source/m,
    );
    const run = await other.vrift(["run", "cat", "a"], { cwd: path });
    assert.doesNotMatch(run.stderr, /Input\/output error/);
    assert.equal((await other.vrift(["cat", "a"], { cwd: path, env })).stdout, "content\n");
    assert.equal((await other.vrift(["solid", path], { env })).code, 0);
    assert.equal((await other.vrift(["status"])).code, 0);
  } finally {
    await other.remove();
  }
});

test("doctor names what is damaged in the workspace it is called in", async () => {
  const path = project("damaged");
  const { stdout } = await home.vrift(["phantom", path, "--json"]);
  const { workspace } = JSON.parse(stdout) as { workspace: { id: string } };
  assert.match(
    (await home.vrift(["doctor"], { cwd: path })).stdout,
    /^ok {4}the phantom workspace .* opens$/m,
  );
  await home.vrift(["daemon", "stop"]);
  truncateSync(join(home.home, ".vrift/db", workspace.id, "data.mdb"), 4096);
  const { stdout: found, code } = await home.vrift(["doctor"], { cwd: path });
  assert.equal(code, 1);
  assert.match(found, /^fail {2}the phantom workspace .*data\.mdb/m);
});

test("advice names commands that exist", () => {
  const known = new Set(commandNames);
  for (const [code, hint] of Object.entries(errorTable))
    for (const [, name] of hint.matchAll(/`vrift ([a-z]+)/g)) assert.ok(known.has(name!), `${code}: ${name}`);
});

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

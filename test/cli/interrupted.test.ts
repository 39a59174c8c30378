/** `vrift run` in a tree whose files a killed command was just moving. */
import assert from "node:assert/strict";
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { native } from "../../src/platform/native.js";
import { projectPaths, resolveHome, workspacePaths } from "../../src/platform/paths.js";
import { readWorkspaceFile } from "../../src/platform/workspace-id.js";
import { TestHome } from "./vrift-process.js";

const LOCK_EX = 2;
const home = new TestHome();
after(() => home.remove());

test("run says that a command was interrupted, on the short way and the long, and what to do; not while it runs", async () => {
  const project = join(home.work, "project");
  mkdirSync(project);
  writeFileSync(join(project, "README"), "read me\n");
  assert.equal((await home.vrift(["phantom", project])).code, 0);
  const run = (): ReturnType<TestHome["vrift"]> =>
    home.vrift(["run", "--", "cat", "README"], { cwd: project });
  const quiet = async (): Promise<void> => {
    const { stdout, stderr } = await run();
    assert.equal(stdout, "read me\n");
    assert.equal(stderr, "");
  };
  await quiet();
  const { moving, intent } = projectPaths(project);
  mkdirSync(moving, { recursive: true, mode: 0o700 });
  writeFileSync(intent, "a list");
  const said = await run();
  assert.equal(said.stdout, "read me\n");
  assert.match(said.stderr, /was interrupted[^]*vrift phantom [^]*vrift solid /);
  const { run: directory } = workspacePaths(resolveHome(home.env), readWorkspaceFile(project)!.id);
  const fd = openSync(join(directory, "tree.lock"), "r+");
  assert.ok(native.flock(fd, LOCK_EX));
  await quiet();
  closeSync(fd);
  assert.match((await run()).stderr, /was interrupted/);
  rmSync(moving, { recursive: true });
  await quiet();
});

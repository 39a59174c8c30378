/** A phantom tree whose programs still work is not made phantom again; afterwards it is. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { Sandbox, vriftCommand } from "./sandbox.js";

const sandbox = new Sandbox();
after(() => sandbox.dispose());

test("what programs under vrift work on stays where it is", async () => {
  const root = sandbox.path("tree");
  mkdirSync(root);
  writeFileSync(`${root}/first`, "1");
  sandbox.mustVrift(["phantom", root]);
  writeFileSync(`${root}/second`, "2");
  const program = spawn(vriftCommand, ["run", "--", "sh", "-c", "echo at work; read line"], {
    cwd: root,
    env: sandbox.env,
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(program.stdout, "data");
  const refused = sandbox.vrift(["phantom", root]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /EBUSY.*programs work on .* under vrift/);
  assert.ok(existsSync(`${root}/second`));
  program.stdin.end("\n");
  await once(program, "exit");
  // A process leaves its maps a moment after it is waited for.
  for (let left = 100; sandbox.vrift(["phantom", root]).code !== 0; left--) {
    assert.ok(left > 0);
    await wait(50);
  }
  assert.ok(!existsSync(`${root}/second`));
  assert.equal(sandbox.sh("cat first second", root, "vrift").stdout, "12");
});

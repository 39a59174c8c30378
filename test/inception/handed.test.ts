/** Descriptors on every way they can go; threads, forks in threads, signal handlers: native/test/handed.c. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { buildNative, compare, makeTree, program, type TreeSpec } from "./phantom-fixture.js";

const TREE: TreeSpec = {
  file: "content\n",
  same: "content\n",
  other: "another\n",
  changed: "written to\n",
  "sub/inner": "inner\n",
};

before(buildNative);

test("the program itself is right on a plain tree", () => {
  const directory = mkdtempSync(join(tmpdir(), "vrift-handed-"));
  try {
    makeTree(directory, TREE);
    const said = execFileSync(program("handed"), { cwd: directory, encoding: "utf8" });
    assert.doesNotMatch(said, /NO$/m);
    assert.ok(said.split("\n").length > 25, said);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("descriptors, threads and signal handlers: the same on a phantom tree", async () => {
  // How often it writes hangs on how fast it is: what it wrote is cut off again.
  await compare({ tree: TREE, script: `${program("handed")}; : > changed; : > made` });
});

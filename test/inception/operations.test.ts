/** Random operations, the same on a plain and on a phantom tree: same results, same tree. Seeds are printed when it fails. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { buildNative, makeTree, Phantom, program, sh, snapshot } from "./phantom-fixture.js";
import { ownTree as TREE } from "../operations/own-tree.js";

const SEEDS = (process.env["VRIFT_SEEDS"] ?? "1,2,3,4,5,6,7,8").split(",").map(Number);
const STEPS = Number(process.env["VRIFT_STEPS"] ?? 400);

before(buildNative);

for (const seed of SEEDS)
  test(`seed ${seed}`, async () => {
    const base = mkdtempSync(join(tmpdir(), "vrift-operations-"));
    const root = join(base, "home", "tree");
    const script = `${program("operations")} ${seed} ${STEPS}`;
    try {
      makeTree(root, TREE);
      const plain = sh(script, root);
      const plainTree = snapshot(root);
      for (const state of ["trusted", "distrusted"]) {
        rmSync(join(base, "home"), { recursive: true });
        makeTree(root, TREE);
        const phantom = await Phantom.start(root, join(base, `run-${state}`), join(base, "source"));
        try {
          if (state === "distrusted") await phantom.command("distrust 1");
          const result = sh(script, root, phantom.environment);
          assert.deepEqual(result.stdout.split("\n"), plain.stdout.split("\n"), `results, ${state}`);
          assert.deepEqual(snapshot(root, phantom.environment), plainTree, `tree, ${state}`);
          await phantom.command("fold");
          assert.deepEqual(snapshot(root, phantom.environment), plainTree, `tree after resync, ${state}`);
        } finally {
          await phantom.stop();
        }
      }
    } finally {
      rmSync(base, { recursive: true, force: true });
    }
  });

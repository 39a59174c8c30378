/**
 * One case per intercepted call (native/test/each): right on a plain tree, right on a phantom one, and wrong on a phantom one
 * with a library that lacks this interceptor.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { leaveOut } from "./leave-out.js";
import { buildNative, LIBRARY, makeTree, Phantom, program, type TreeSpec } from "./phantom-fixture.js";

buildNative();
const EACH = program("each");
const rows = execFileSync(EACH, ["--rows"], { encoding: "utf8" }).trim().split("\n");

const RIGHT = 0;
const WRONG = 1;
const CANNOT = 77;
/** Marks of other names may hide that one is missing, for a tree at one place in a hundred. */
const TRIES = 3;
const CONCURRENCY = 4;

const base = mkdtempSync(join(tmpdir(), "vrift-each-"));
/** Where the file systems of descriptors differ from the tree's, if this machine has such a place. */
const elsewhere = ["/dev/shm", "/run", "/var/tmp"].find(isElsewhere);
const stores = elsewhere === undefined ? base : mkdtempSync(join(elsewhere, "vrift-each-"));

function isElsewhere(directory: string): boolean {
  try {
    if (statSync(directory).dev === statSync(base).dev) return false;
    rmSync(mkdtempSync(join(directory, "vrift-each-")), { recursive: true });
    return true;
  } catch {
    return false;
  }
}

function spec(): TreeSpec {
  const tree: Record<string, string> = {};
  for (const row of rows) {
    tree[`${row}/file`] = tree[`${row}/same`] = "content\n";
    tree[`${row}/other`] = "another\n";
    tree[`${row}/mounts`] = "device /mnt ext4 rw 0 0\n";
    tree[`${row}/dir/inner`] = "inner\n";
    tree[`${row}/away/`] = "";
  }
  return tree;
}

/** The exit code, or null when a signal ended it. */
function run(
  tree: string,
  row: string,
  origin: string[],
  extra: Record<string, string>,
): Promise<number | null> {
  const { LD_PRELOAD: _1, VRIFT_INDEX: _2, ...inherited } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(EACH, [row, ...origin], {
      cwd: join(tree, row),
      env: { ...inherited, ...extra },
      stdio: "ignore",
    });
    child.once("error", reject);
    child.once("close", resolve);
  });
}

describe("each call", { concurrency: CONCURRENCY }, () => {
  const plain = join(base, "plain");
  const whole = join(base, "whole", "tree");
  const running: Phantom[] = [];
  const lacking: { tree: string; phantom: Phantom }[] = [];

  async function makePhantom(tree: string, name: string): Promise<Phantom> {
    makeTree(tree, spec());
    const phantom = await Phantom.start(tree, join(base, `run-${name}`), join(stores, `source-${name}`));
    running.push(phantom);
    return phantom;
  }

  let phantom: Phantom;
  before(async () => {
    makeTree(plain, spec());
    phantom = await makePhantom(whole, "whole");
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const tree = join(base, `lacking-${attempt}`, "tree");
      lacking.push({ tree, phantom: await makePhantom(tree, `lacking-${attempt}`) });
    }
  });
  after(async () => {
    for (const one of running) await one.stop();
    rmSync(base, { recursive: true, force: true });
    rmSync(stores, { recursive: true, force: true });
  });

  const library = readFileSync(LIBRARY);
  for (const row of rows)
    test(row, async (context) => {
      const byKernel = await run(plain, row, [], {});
      if (byKernel === CANNOT) {
        context.skip("the rights to try it are missing");
        return;
      }
      if (elsewhere === undefined && /^fstatv?fs/.test(row)) {
        context.skip("there is no second file system");
        return;
      }
      assert.equal(byKernel, RIGHT, "on a plain tree");
      assert.equal(await run(whole, row, ["intercepted"], phantom.environment), RIGHT, "on a phantom tree");
      const directory = join(base, "libraries", row);
      const without = join(directory, "libvrift_inception.so");
      mkdirSync(directory, { recursive: true });
      writeFileSync(without, leaveOut(library, row));
      let code: number | null = RIGHT;
      for (const attempt of lacking) {
        const environment = { ...attempt.phantom.environment, LD_PRELOAD: without };
        code = await run(attempt.tree, row, ["left-out"], environment);
        if (code !== RIGHT) break;
      }
      rmSync(directory, { recursive: true });
      assert.notEqual(code, RIGHT, "nothing shows that it is left out");
      /* Wrong, or ended by a signal: nothing else, as a library that cannot be loaded, will do. */
      assert.ok(code === WRONG || code === null, `the case itself failed with ${code}`);
    });
});

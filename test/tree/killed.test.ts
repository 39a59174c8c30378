/** Nothing is lost, whatever call of phantom, solid and clone is the last one: the next command restores the exact tree. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { VriftError } from "../../src/platform/errors.js";
import { clone } from "../../src/tree/clone.js";
import { phantom } from "../../src/tree/phantom.js";
import { solid } from "../../src/tree/solid.js";
import { listing } from "./fixture.js";
import { type Round, killPoints, runKilled, startRound } from "./run-killed.js";

async function restore(root: string, within: Round["within"]): Promise<void> {
  try {
    await within(({ context }) => solid(root, context));
  } catch (error) {
    // Killed before it was one, or after it had ceased to be one: even then nothing of ours stays.
    assert.ok(error instanceof VriftError && error.code === "VRIFT_NOT_PHANTOM", String(error));
  }
}

/** Where the root's own mtime is lost by design: the kill came while `.vrift/` was made or had just been removed. */
function withoutRootTime(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/^( d \d+) \S+/, "$1 -"));
}

test("phantom killed anywhere", async (t) => {
  for (const at of await killPoints(t, "phantom", async ({ root }) => [root])) {
    const { directory, root, original, within } = await startRound(t);
    assert.equal(await runKilled(at, directory, "phantom", root), null);
    if (at % 2 === 0) await within(({ context }) => phantom(root, context, { yes: true }));
    await restore(root, within);
    assert.deepEqual(withoutRootTime(listing(root)), withoutRootTime(original), `killed before call ${at}`);
  }
});

test("solid killed anywhere", async (t) => {
  const prepare = async ({ root, within }: Round): Promise<string[]> => {
    await within(({ context }) => phantom(root, context, { yes: true }));
    return [root];
  };
  for (const at of await killPoints(t, "solid", prepare)) {
    const round = await startRound(t);
    const { directory, root, original, within } = round;
    await prepare(round);
    assert.equal(await runKilled(at, directory, "solid", root), null);
    await restore(root, within);
    assert.deepEqual(withoutRootTime(listing(root)), withoutRootTime(original), `killed before call ${at}`);
  }
});

test("clone killed anywhere", async (t) => {
  const prepare = async ({ directory, root, within }: Round): Promise<string[]> => {
    await within(({ context }) => phantom(root, context, { yes: true }));
    return [root, join(directory, "dst")];
  };
  for (const at of await killPoints(t, "clone", prepare)) {
    const round = await startRound(t);
    const { directory, root, original, within } = round;
    const [, dst] = (await prepare(round)) as [string, string];
    assert.equal(await runKilled(at, directory, "clone", root, dst), null);
    await within(({ context }) => clone(root, dst, context));
    await restore(dst, within);
    await restore(root, within);
    assert.deepEqual(listing(dst), original, `killed before call ${at}`);
    assert.deepEqual(listing(root), original, `the source of a clone killed before call ${at}`);
  }
});

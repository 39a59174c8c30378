/** Nothing is lost, whatever call of phantom, solid and clone is the last one: the next command restores the exact tree. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { VriftError } from "../../src/platform/errors.js";
import { clone } from "../../src/tree/clone.js";
import { phantom } from "../../src/tree/phantom.js";
import { solid } from "../../src/tree/solid.js";
import { type AccessKind, type Fixture, listing, makeFixture, openFixture } from "./fixture.js";
import { makeOddTree } from "./odd-tree.js";

const KIND: AccessKind = "local";
/** `all`: before every call, one after the other (minutes). */
const ROUNDS = process.env["VRIFT_KILL_ROUNDS"] ?? "7";
const SEED = Number(process.env["VRIFT_KILL_SEED"] ?? Date.now() % 1_000_000);
const child = fileURLToPath(new URL("./killed-child.js", import.meta.url));

/** Park-Miller: the same points again for the same seed. */
function random(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

/** The number of calls it made; null when it was killed. */
async function runKilled(
  at: number,
  directory: string,
  procedure: string,
  ...paths: string[]
): Promise<number | null> {
  try {
    const args = [child, String(at), KIND, directory, procedure, ...paths];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return Number(stdout);
  } catch (error) {
    if ((error as { signal?: string }).signal === "SIGKILL") return null;
    throw error;
  }
}

interface Round {
  readonly directory: string;
  readonly root: string;
  readonly original: string[];
  /** Opens the workspaces of the directory in this process for a while. */
  readonly within: <T>(work: (fixture: Fixture) => Promise<T>) => Promise<T>;
}

async function startRound(t: TestContext): Promise<Round> {
  const { directory } = await makeFixture(t, "file");
  const root = join(directory, "tree");
  mkdirSync(root);
  makeOddTree(root);
  const within: Round["within"] = async (work) => {
    const { fixture, close } = await openFixture(directory, KIND);
    try {
      return await work(fixture);
    } finally {
      await close();
    }
  };
  return { directory, root, original: listing(root), within };
}

/** All calls are equally likely to be the last one. */
async function killPoints(
  t: TestContext,
  procedure: string,
  prepare: (round: Round) => Promise<string[]>,
): Promise<number[]> {
  const round = await startRound(t);
  const calls = await runKilled(Infinity, round.directory, procedure, ...(await prepare(round)));
  assert.ok(calls !== null && calls > 20, `${procedure} makes ${calls} changes`);
  const next = random(SEED);
  const points =
    ROUNDS === "all"
      ? Array.from({ length: calls }, (_, at) => at + 1)
      : Array.from({ length: Number(ROUNDS) }, () => 1 + Math.floor(next() * calls));
  t.diagnostic(`${procedure}: ${calls} calls, killed before ${points.join(" ")} (VRIFT_KILL_SEED=${SEED})`);
  return points;
}

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

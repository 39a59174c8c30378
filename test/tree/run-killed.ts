/** A tree procedure in a process of its own that is killed right before the n-th change it would make. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type AccessKind, type Fixture, listing, makeFixture, openFixture } from "./fixture.js";
import { makeOddTree } from "./odd-tree.js";

const KIND: AccessKind = "local";
/** `all`: before every call, one after the other (minutes). */
const ROUNDS = process.env["VRIFT_KILL_ROUNDS"];
const SEED = Number(process.env["VRIFT_KILL_SEED"] ?? Date.now() % 1_000_000);
const child = fileURLToPath(new URL("./killed-child.js", import.meta.url));

/** Park-Miller: the same points again for the same seed. */
function random(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

/** The number of calls it made; null when it was killed. */
export async function runKilled(
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

export interface Round {
  readonly directory: string;
  readonly root: string;
  readonly original: string[];
  /** Opens the workspaces of the directory in this process for a while. */
  readonly within: <T>(work: (fixture: Fixture) => Promise<T>) => Promise<T>;
}

export async function startRound(t: TestContext): Promise<Round> {
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
export async function killPoints(
  t: TestContext,
  procedure: string,
  prepare: (round: Round) => Promise<string[]>,
  rounds = 7,
): Promise<number[]> {
  const round = await startRound(t);
  const calls = await runKilled(Infinity, round.directory, procedure, ...(await prepare(round)));
  assert.ok(calls !== null && calls > 20, `${procedure} makes ${calls} changes`);
  const next = random(SEED);
  const points =
    ROUNDS === "all"
      ? Array.from({ length: calls }, (_, at) => at + 1)
      : Array.from({ length: Number(ROUNDS ?? rounds) }, () => 1 + Math.floor(next() * calls));
  t.diagnostic(`${procedure}: ${calls} calls, killed before ${points.join(" ")} (VRIFT_KILL_SEED=${SEED})`);
  return points;
}

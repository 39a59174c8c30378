/**
 * A process for fault-walk.test.ts: as test/workspace/fault-walk-child.ts, for the procedures of commands. Where one fails, the same one again
 * (or `solid`) makes of the tree exactly what it would have been. Arguments: procedure, seed, number of points, every so many (`/N`), or one call
 * with one of its errors, as printed (`=CALL,PICK`).
 */
import { mkdirSync, mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failingCalls } from "../fail-call.js";
import type { Fixture } from "./fixture.js";

const faults = failingCalls();
const { clone } = await import("../../src/tree/clone.js");
const { phantom } = await import("../../src/tree/phantom.js");
const { restore } = await import("../../src/tree/restore.js");
const { removeSnapshot, snapshot } = await import("../../src/tree/snapshot.js");
const { hydrate, solid } = await import("../../src/tree/solid.js");
const { toVriftError } = await import("../../src/platform/errors.js");
const { listSnapshots } = await import("../../src/workspace/snapshots.js");
const { Random } = await import("../store/random.js");
const { changeTree } = await import("./change-tree.js");
const { listing, openFixture, removeTree } = await import("./fixture.js");
const { makeOddTree } = await import("./odd-tree.js");

interface Scene {
  readonly directory: string;
  readonly root: string;
  readonly original: readonly string[];
}

interface Procedure {
  prepare(fixture: Fixture, scene: Scene): Promise<void>;
  run(fixture: Fixture, scene: Scene): Promise<unknown>;
  /** Throws when something is lost, or cannot be completed. @param error what the one who asked was told. */
  check(fixture: Fixture, scene: Scene, error: string | undefined): Promise<void>;
}

const yes = { yes: true };

/** The root's own time moves while `.vrift/` is made or removed. */
const withoutRootTime = (lines: readonly string[]): string[] =>
  lines.map((line) => line.replace(/^( d \d+) \S+/, "$1 -"));
/** What snapshots have. */
const own = (lines: readonly string[]): string[] =>
  lines.filter((line) => !/\.vrift|(^|\s)\.env(\s|$)|^ d /.test(line));

function assertSame(seen: readonly string[], expected: readonly string[], what: string): void {
  const lacks = expected.filter((line) => !seen.includes(line));
  const more = seen.filter((line) => !expected.includes(line));
  if (lacks.length + more.length > 0)
    throw new Error(`${what}: lacks ${lacks.slice(0, 5).join(" | ")}; has ${more.slice(0, 5).join(" | ")}`);
}

async function madeSolid({ context }: Fixture, root: string): Promise<void> {
  try {
    await solid(root, context);
  } catch (error) {
    if (toVriftError(error).code !== "VRIFT_NOT_PHANTOM") throw error;
  }
}

const procedures: Readonly<Record<string, Procedure>> = {
  phantom: {
    prepare: async () => undefined,
    run: ({ context }, { root }) => phantom(root, context, yes),
    check: async (fixture, { root, original }) => {
      await phantom(root, fixture.context, yes);
      await solid(root, fixture.context);
      assertSame(withoutRootTime(listing(root)), withoutRootTime(original), "solid");
    },
  },
  solid: {
    prepare: async ({ context }, { root }) => void (await phantom(root, context, yes)),
    run: ({ context }, { root }) => solid(root, context),
    check: async (fixture, { root, original }) => {
      await madeSolid(fixture, root);
      assertSame(withoutRootTime(listing(root)), withoutRootTime(original), "solid");
    },
  },
  clone: {
    prepare: async ({ context }, { root }) => void (await phantom(root, context, yes)),
    run: ({ context }, { root, directory }) => clone(root, join(directory, "dst"), context),
    check: async (fixture, { root, directory, original }, error) => {
      const dst = join(directory, "dst");
      if (error !== undefined) await completeClone(fixture, root, dst);
      await madeSolid(fixture, dst);
      await madeSolid(fixture, root);
      assertSame(withoutRootTime(listing(dst)), withoutRootTime(original), "the clone");
      assertSame(withoutRootTime(listing(root)), withoutRootTime(original), "its source");
    },
  },
  snapshot: {
    prepare: async ({ context }, { root }) => void (await phantom(root, context, yes)),
    run: ({ context }, { root }) => snapshot(root, "one", context),
    check: async ({ context, store }, { root, original }, error) => {
      const workspace = await context.access.open(root);
      const isThere = listSnapshots(context.home, workspace).some(({ name }) => name === "one");
      if (error === undefined && !isThere) throw new Error("it was told that the snapshot is there");
      if (!isThere) await snapshot(root, "one", context);
      await hydrate(root, context);
      changeTree(root);
      await restore(root, "one", context);
      await hydrate(root, context);
      assertSame(own(listing(root)), own(original), "restored");
      for (const { name } of listSnapshots(context.home, workspace))
        await removeSnapshot(root, name, context);
      if (store.rootNames().some((name) => name.startsWith("snapshot-"))) throw new Error("a list is left");
    },
  },
  restore: {
    prepare: async ({ context }, { root }) => {
      await phantom(root, context, yes);
      await snapshot(root, "one", context);
      await hydrate(root, context);
      changeTree(root);
    },
    run: ({ context }, { root }) => restore(root, "one", context),
    check: async ({ context }, { root, original }, error) => {
      if (error !== undefined) await restore(root, "one", context);
      await hydrate(root, context);
      assertSame(own(listing(root)), own(original), "restored");
    },
  },
};

async function completeClone({ context }: Fixture, src: string, dst: string): Promise<void> {
  try {
    await clone(src, dst, context);
  } catch (error) {
    // It was complete.
    if (!["EEXIST", "ENOTEMPTY"].includes(toVriftError(error).code)) throw error;
  }
}

interface Run {
  readonly error: string | undefined;
  readonly calls: number;
  readonly failed: string | undefined;
}

async function within<T>(directory: string, work: (fixture: Fixture) => Promise<T>): Promise<T> {
  const { fixture, close } = await openFixture(directory, "local");
  try {
    return await work(fixture);
  } finally {
    await close();
  }
}

async function run({ prepare, run: perform, check }: Procedure, at: number, pick: number): Promise<Run> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "vrift-faults-")));
  const root = join(directory, "tree");
  try {
    mkdirSync(root);
    makeOddTree(root);
    const scene = { directory, root, original: listing(root) };
    await within(directory, (fixture) => prepare(fixture, scene));
    const result = await within(directory, async (fixture): Promise<Run> => {
      faults.failAt(at, pick);
      let error: string | undefined;
      try {
        await perform(fixture, scene);
      } catch (thrown) {
        error = toVriftError(thrown).code;
      }
      const { calls, failed } = faults;
      faults.failAt(Infinity);
      return { error, calls, failed: failed && `${failed.code} of ${failed.name}` };
    });
    await within(directory, (fixture) => check(fixture, scene, result.error));
    return result;
  } finally {
    faults.failAt(Infinity);
    removeTree(directory);
  }
}

const [name = "", seed = "1", points = "/1"] = process.argv.slice(2);
const procedure = procedures[name]!;
const problems: string[] = [];
const told = new Map<string, number>();
const random = new Random(Number(seed));
const only = /^=(\d+),(\d+)$/.exec(points);
const { calls } = await run(procedure, Infinity, 0);
const stride = Number(/^\/(\d+)$/.exec(points)?.[1] ?? 0);
const walk =
  only !== null
    ? [Number(only[1])]
    : stride === 0
      ? Array.from({ length: Number(points) }, () => 1 + random.below(calls))
      : Array.from({ length: Math.ceil(calls / stride) }, (_, i) => 1 + i * stride + random.below(stride));
for (const at of walk) {
  const pick = only === null ? random.below(60) : Number(only[2]);
  try {
    const { error, failed } = await run(procedure, at, pick);
    if (failed === undefined) continue; // it has made fewer calls this time
    told.set(`${failed} → ${error ?? "done"}`, (told.get(`${failed} → ${error ?? "done"}`) ?? 0) + 1);
  } catch (thrown) {
    const what = thrown instanceof Error ? thrown.stack : String(thrown);
    problems.push(`call ${at}, ${pick}: ${what}\n  after ${faults.stack}`);
  }
}
process.stdout.write(`${JSON.stringify({ calls, walked: walk.length, told: [...told], problems })}\n`);
process.exit(0);

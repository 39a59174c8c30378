/**
 * stat hit and absent through the shipped library on a phantom tree, against the bare system call on the same tree made
 * plain, interleaved. Paths are absolute and 77 bytes long.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Sandbox, copyTree, projectRoot } from "../test/e2e/sandbox.js";
import type { BenchCase, BenchContext, BenchRow } from "./case.js";
import { spread } from "./statistics.js";
import { makeTree } from "./tree.js";

const PATH_BYTES = 77;
const benchProgram = join(projectRoot, "build", "native", "lookup-bench");

export const lookup: BenchCase = {
  name: "lookup",
  summary: "stat hit and absent, 256 hot paths and a whole tree in random order, library against system call",
  run(context) {
    return (context.toy ? TREES.slice(0, 1) : TREES).flatMap((files) => {
      const sandbox = new Sandbox();
      try {
        return measure(sandbox, context, files);
      } finally {
        sandbox.dispose();
      }
    });
  },
};

/** A tree of the size of an npm package, and one whose index is larger than the processor's caches. */
const TREES = [2_048, 65_536];

function measure(sandbox: Sandbox, context: BenchContext, files: number): BenchRow[] {
  const rounds = context.toy ? 2 : 7;
  const phantom = sandbox.path("p");
  const plain = sandbox.path("q");
  const keys = makeTree(plain, files, PATH_BYTES - plain.length - 1);
  copyTree(plain, phantom);
  context.note(`${files} files; moving them into the store`);
  sandbox.mustVrift(["phantom", phantom]);

  const present = shuffle(keys, 1);
  const hot = present.slice(0, 256);
  // The last byte differs: same directory, same length, no such file.
  const missing = (key: string): string => `${key.slice(0, -1)}#`;
  const lists = {
    [`stat hit, 256 hot paths of ${files}`]: hot,
    [`stat absent, 256 hot paths of ${files}`]: hot.map(missing),
    [`stat hit, all ${files} in random order`]: present,
    [`stat absent, all ${files} in random order`]: present.map(missing),
  };
  return Object.entries(lists).map(([what, list]) =>
    compare(sandbox, context, what, list, { phantom, plain, rounds }),
  );
}

interface Trees {
  readonly phantom: string;
  readonly plain: string;
  readonly rounds: number;
}

function compare(
  sandbox: Sandbox,
  context: BenchContext,
  what: string,
  keys: readonly string[],
  trees: Trees,
): BenchRow {
  const lists = { phantom: sandbox.path("phantom.list"), plain: sandbox.path("plain.list") };
  for (const side of ["phantom", "plain"] as const) {
    writeFileSync(lists[side], keys.map((key) => `${trees[side]}/${key}\n`).join(""));
  }
  const passes = "3";
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < trees.rounds; round++) {
    const through = sandbox.mustVrift(["run", "--", benchProgram, "stat", lists.phantom, passes], {
      cwd: trees.phantom,
    });
    const bare = sandbox.run(benchProgram, ["stat", lists.plain, passes], { cwd: trees.plain });
    if (bare.code !== 0) throw new Error(bare.stderr);
    ours.push(nanoseconds(through.stdout, what));
    theirs.push(nanoseconds(bare.stdout, what));
  }
  context.note(`${what}: ${trees.rounds} rounds`);
  const ratios = ours.map((value, round) => (theirs[round] ?? NaN) / value);
  return { what, unit: "ns", ours: spread(ours), theirs: spread(theirs), ratio: spread(ratios) };
}

/** Median of the passes; checks that the calls found what the case says. */
function nanoseconds(output: string, what: string): number {
  const lines = output.trim().split("\n");
  const verdict = lines.pop();
  if (verdict !== (what.includes("absent") ? "absent" : "present"))
    throw new Error(`${what}: the files were ${verdict}`);
  return spread(lines.map(Number)).median;
}

function shuffle<T>(items: readonly T[], seed: number): T[] {
  const shuffled = [...items];
  let state = seed;
  for (let i = shuffled.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = state % (i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
  }
  return shuffled;
}

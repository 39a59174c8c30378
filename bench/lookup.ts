/**
 * stat hit and absent through the shipped library on a phantom tree, against the bare system call on the same tree made
 * plain, interleaved. Paths are absolute and 77 bytes long.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Sandbox, copyTree, projectRoot } from "../test/e2e/sandbox.js";
import type { BenchCase, BenchContext, BenchRow } from "./case.js";
import { spread } from "./statistics.js";
import { makeTree } from "./tree.js";

/** A call of native/bench/lookup_bench.c. */
type Call = "stat" | "statx" | "access" | "list" | "spawn";

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

/** A million files: a quarter of an hour and some ten gigabytes of disk. */
export const million: BenchCase = {
  name: "million",
  summary: "stat hit and absent over a tree of a million files in random order, library against system call",
  run(context) {
    const sandbox = new Sandbox();
    try {
      return measure(sandbox, context, context.toy ? 2_048 : 1_000_000, [
        "stat hit, all",
        "stat absent, all",
      ]);
    } finally {
      sandbox.dispose();
    }
  },
};

/** A tree of the size of an npm package, and one whose index is larger than the processor's caches. */
const TREES = [2_048, 65_536];

/** @param only rows whose names begin so. */
function measure(
  sandbox: Sandbox,
  context: BenchContext,
  files: number,
  only: readonly string[] = [""],
): BenchRow[] {
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
  const all = `all ${files} in random order`;
  const directories = shuffle([...new Set(keys.map((key) => dirname(key)))], 2);
  const cases: readonly (readonly [what: string, call: Call, list: readonly string[]])[] = [
    [`stat hit, 256 hot paths of ${files}`, "stat", hot],
    [`stat absent, 256 hot paths of ${files}`, "stat", hot.map(missing)],
    [`stat hit, ${all}`, "stat", present],
    [`statx hit, ${all}`, "statx", present],
    [`access hit, ${all}`, "access", present],
    [`stat absent, ${all}`, "stat", present.map(missing)],
    [`opendir, readdir, stat of every child, ${directories.length} directories`, "list", directories],
  ];
  const chosen = cases.filter(([what]) => only.some((beginning) => what.startsWith(beginning)));
  return chosen.map(([what, call, list]) =>
    compare(sandbox, context, what, list, { phantom, plain, rounds, call }),
  );
}

/** 5,000 directories of ten files: what one costs when there is little in it. */
export const list: BenchCase = {
  name: "list",
  summary: "opendir, readdir and stat of every child, 5,000 directories of ten files",
  run(context) {
    const sandbox = new Sandbox();
    try {
      const [phantom, plain] = [sandbox.path("p"), sandbox.path("q")];
      const rounds = context.toy ? 2 : 7;
      const keys = makeTree(plain, context.toy ? 200 : 50_000, PATH_BYTES - plain.length - 1, 10);
      copyTree(plain, phantom);
      sandbox.mustVrift(["phantom", phantom]);
      const directories = shuffle([...new Set(keys.map((key) => dirname(key)))], 1);
      const what = `opendir, readdir, stat of every child, ${directories.length} directories of ten files`;
      return [compare(sandbox, context, what, directories, { phantom, plain, rounds, call: "list" })];
    } finally {
      sandbox.dispose();
    }
  },
};

/** What the library adds to the start of a program. */
export const start: BenchCase = {
  name: "start",
  summary: "posix_spawn of true and its end, with the library and without",
  run(context) {
    const sandbox = new Sandbox();
    try {
      const [phantom, plain] = [sandbox.path("p"), sandbox.path("q")];
      makeTree(plain, context.toy ? 64 : 65_536, PATH_BYTES - plain.length - 1);
      copyTree(plain, phantom);
      sandbox.mustVrift(["phantom", phantom]);
      const trees = { phantom: "/usr", plain: "/usr", rounds: context.toy ? 2 : 15, call: "spawn" as const };
      return [compare(sandbox, context, "start and end of true", ["bin/true"], trees, { phantom, plain })];
    } finally {
      sandbox.dispose();
    }
  },
};

/** Node's own start, with the library and without, turn about. */
export const nodeStart: BenchCase = {
  name: "node-start",
  summary: "start and end of node, with the library and without, 60 times turn about",
  run(context) {
    const sandbox = new Sandbox();
    try {
      const [phantom, plain] = [sandbox.path("p"), sandbox.path("q")];
      makeTree(plain, context.toy ? 64 : 2_048, PATH_BYTES - plain.length - 1);
      copyTree(plain, phantom);
      sandbox.mustVrift(["phantom", phantom]);
      const injected = sandbox.mustVrift(["run", "--", "env"], { cwd: phantom }).stdout;
      const added: Record<string, string> = {};
      for (const name of ["LD_PRELOAD", "VRIFT_INDEX"]) {
        const value = new RegExp(`^${name}=(.*)$`, "m").exec(injected)?.[1];
        if (value === undefined) throw new Error(`vrift run does not set ${name}`);
        added[name] = value;
      }
      const [ours, theirs]: [number[], number[]] = [[], []];
      const start = (cwd: string, more: Readonly<Record<string, string>>): number => {
        const begun = process.hrtime.bigint();
        const { status } = spawnSync(process.execPath, ["-e", "0"], {
          cwd,
          env: { ...process.env, ...more },
        });
        if (status !== 0) throw new Error(`node ended with ${status}`);
        return Number(process.hrtime.bigint() - begun) / 1e6;
      };
      // The first round warms both sides up and is not counted; who goes first changes.
      for (let round = 0; round <= (context.toy ? 2 : 60); round++) {
        const first = round % 2 === 0;
        const before = first ? start(phantom, added) : 0;
        const bare = start(plain, {});
        const through = first ? before : start(phantom, added);
        if (round === 0) continue;
        ours.push(through);
        theirs.push(bare);
      }
      const ratio = spread(ours.map((value, round) => (theirs[round] ?? NaN) / value));
      return [
        { what: "start and end of node", unit: "ms", ours: spread(ours), theirs: spread(theirs), ratio },
      ];
    } finally {
      sandbox.dispose();
    }
  },
};

interface Trees {
  readonly phantom: string;
  readonly plain: string;
  readonly rounds: number;
  readonly call: Call;
}

function compare(
  sandbox: Sandbox,
  context: BenchContext,
  what: string,
  keys: readonly string[],
  trees: Trees,
  cwd: Readonly<Record<"phantom" | "plain", string>> = trees,
): BenchRow {
  const lists = { phantom: sandbox.path("phantom.list"), plain: sandbox.path("plain.list") };
  for (const side of ["phantom", "plain"] as const) {
    writeFileSync(lists[side], keys.map((key) => `${trees[side]}/${key}\n`).join(""));
  }
  const passes = "3";
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < trees.rounds; round++) {
    const through = sandbox.mustVrift(["run", "--", benchProgram, trees.call, lists.phantom, passes], {
      cwd: cwd.phantom,
    });
    const bare = sandbox.run(benchProgram, [trees.call, lists.plain, passes], { cwd: cwd.plain });
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

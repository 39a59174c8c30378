/**
 * A solid tree of 100,000 files: how long `vrift run -- true` takes the first time ever and when the project is known and unchanged, with
 * `git status` in the same rounds for scale; and programs that only look, through `vrift run` and bare, in the same tree.
 *
 * The files were changed an hour ago (by the clock of the kernel: the settling time is set to none), and read since; so their access
 * times stand still, as they do in a tree that somebody works with. `unread` is the same before anybody has read them.
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Sandbox } from "../test/e2e/sandbox.js";
import type { BenchCase, BenchContext, BenchRow } from "./case.js";
import { spread } from "./statistics.js";

const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  "git status": ["git", "status", "--short"],
  "find -newer": ["find", ".", "-newer", "d0/e0/file0.js", "-name", "*.none"],
  "python os.stat of every file": ["python3", "-c", statAll()],
};

/** Absolute names, as build tools have them. */
function statAll(): string {
  return [
    "import os",
    "r = os.getcwd()",
    "n = [f'{r}/d{d}/e{e}/file{f}.js' for d in range(100) for e in range(10) for f in range(100)]",
    "n = [x for x in n if os.path.exists(x)] or n[:1]",
    "[os.stat(x) for _ in range(3) for x in n if os.path.exists(x)]",
    "[os.path.exists(x + '.none') for x in n]",
  ].join("\n");
}

export const solid: BenchCase = {
  name: "solid",
  summary: "vrift run -- true, and programs that look, in an ordinary directory of 100,000 files",
  run(context) {
    const sandbox = new Sandbox();
    try {
      const root = sandbox.path("tree");
      makeTree(root, context.toy ? 1 : 100);
      for (const args of [
        ["init", "-q"],
        ["add", "-A"],
        ["commit", "-qm", "all"],
      ])
        sandbox.run("git", args, { cwd: root });
      return [
        ...starts(sandbox, context, root),
        ...programs(sandbox, context, root, "unread"),
        ...programs(sandbox, context, read(sandbox, root), "read"),
      ];
    } finally {
      sandbox.dispose();
    }
  },
};

function makeTree(root: string, directories: number): void {
  for (let d = 0; d < directories; d++)
    for (let e = 0; e < 10; e++) {
      const directory = join(root, `d${d}`, `e${e}`);
      mkdirSync(directory, { recursive: true });
      for (let f = 0; f < 100; f++) writeFileSync(join(directory, `file${f}.js`), "x".repeat(f * 7));
    }
}

/** Everybody has read everything once; the index knows. */
function read(sandbox: Sandbox, root: string): string {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) readFileSync(join(entry.parentPath, entry.name));
  vrift(sandbox, root, ["sync"]);
  return root;
}

function vrift(sandbox: Sandbox, cwd: string, args: readonly string[]): void {
  sandbox.mustVrift(args, { cwd, env: { VRIFT_SETTLE_SECONDS: "0" } });
}

function starts(sandbox: Sandbox, context: BenchContext, root: string): BenchRow[] {
  const [first, known, status]: [number[], number[], number[]] = [[], [], []];
  const git = (): number => ms(() => sandbox.run("git", ["status", "--short"], { cwd: root }));
  git();
  for (let round = 0; round < (context.toy ? 1 : 3); round++) {
    sandbox.mustVrift(["daemon", "stop"]);
    sandbox.run("rm", ["-rf", join(sandbox.home, ".vrift")]);
    first.push(ms(() => vrift(sandbox, root, ["run", "--", "true"])));
    vrift(sandbox, root, ["sync"]);
    for (let again = 0; again < (context.toy ? 1 : 5); again++) {
      status.push(git());
      known.push(ms(() => vrift(sandbox, root, ["run", "--", "true"])));
    }
  }
  const row = (what: string, ours: number[]): BenchRow => {
    const theirs = status.slice(0, ours.length);
    const ratio = spread(ours.map((value, i) => (theirs[i] ?? NaN) / value));
    return {
      what: `${what}, against git status`,
      unit: "ms",
      ours: spread(ours),
      theirs: spread(status),
      ratio,
    };
  };
  return [row("run -- true, first time ever", first), row("run -- true, known and unchanged", known)];
}

function programs(sandbox: Sandbox, context: BenchContext, root: string, state: string): BenchRow[] {
  return Object.entries(PROGRAMS).map(([name, [command = "", ...args]]) => {
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let round = -1; round < (context.toy ? 1 : 5); round++) {
      const through = ms(() => vrift(sandbox, root, ["run", "--", command, ...args]));
      const bare = ms(() => sandbox.run(command, args, { cwd: root }));
      if (round < 0) continue;
      ours.push(through);
      theirs.push(bare);
    }
    context.note(`${name}, ${state}: done`);
    const ratio = spread(ours.map((value, round) => (theirs[round] ?? NaN) / value));
    return { what: `${name}, ${state}`, unit: "ms", ours: spread(ours), theirs: spread(theirs), ratio };
  });
}

function ms(work: () => unknown): number {
  const begun = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - begun) / 1e6;
}

/**
 * Projects in and out of the store, on a tree of real packages and a warm cache, each beside what does as much with plain programs.
 * In every round the tree is copied, ingested, ingested again, made phantom, cloned, and made solid; and each of these has its
 * counterpart in the same round, on the same disk.
 */
import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { Sandbox } from "../test/e2e/sandbox.js";
import type { BenchCase, BenchContext, BenchRow } from "./case.js";
import { packagesTree } from "./packages.js";
import { spread } from "./statistics.js";
import { makeTree } from "./tree.js";

const ROUNDS = 3;

export const trees: BenchCase = {
  name: "trees",
  summary: "phantom, ingest, clone and solid of a tree of real packages, and what plain programs take",
  run(context) {
    if (!context.toy) return measure(context, packagesTree(context.cache, context.note), context.cache);
    const sandbox = new Sandbox();
    try {
      makeTree(sandbox.path("tree"), 300, 40);
      return measure(context, sandbox.path("tree"));
    } finally {
      sandbox.dispose();
    }
  },
};

type Times = Map<string, number[]>;

/** @param parent a directory on the disk of the tree. */
function measure(context: BenchContext, tree: string, parent?: string): BenchRow[] {
  const times: Times = new Map();
  const rounds = context.rounds ?? (context.toy ? 1 : ROUNDS);
  const sandboxes: Sandbox[] = [];
  try {
    measureRounds(context, tree, times, rounds, () => {
      const sandbox = new Sandbox(parent);
      sandboxes.push(sandbox);
      return sandbox;
    });
  } finally {
    // Not before: ext4 gives no inode again for minutes, and looks behind all of those for each new one.
    for (const sandbox of sandboxes) sandbox.dispose();
  }
  return rows(times);
}

function measureRounds(
  context: BenchContext,
  tree: string,
  times: Times,
  rounds: number,
  sandbox: () => Sandbox,
): void {
  for (let round = 0; round < rounds; round++) {
    new Round(sandbox(), tree, times, context.toy).run();
    const last = [...times].map(([what, all]) => `${what} ${((all.at(-1) ?? NaN) / 1000).toFixed(1)}`);
    context.note(`round ${round + 1} of ${rounds}, seconds: ${last.join(", ")}`);
  }
}

class Round {
  readonly #sandbox: Sandbox;
  readonly #tree: string;
  readonly #times: Times;

  readonly #toy: boolean;

  constructor(sandbox: Sandbox, tree: string, times: Times, toy: boolean) {
    this.#toy = toy;
    this.#sandbox = sandbox;
    this.#tree = tree;
    this.#times = times;
  }

  run(): void {
    const [project, clone] = [this.#sandbox.path("project"), this.#sandbox.path("clone")];
    this.#sh("find . -type f -print0 | xargs -0 cat > /dev/null"); // warm
    this.#into(project);
    this.#sandbox.mustVrift(["daemon", "start"]);
    this.#time("phantom", () => this.#sandbox.mustVrift(["phantom", "--yes", project]));
    this.#time("clone", () => this.#sandbox.mustVrift(["clone", project, clone]));
    this.#skeleton(clone);
    this.#time("solid", () => this.#sandbox.mustVrift(["solid", project]));
    this.#sandbox.mustVrift(["daemon", "stop"]);
    this.#links();
  }

  /** The plain programs, and ingest, whose store is put aside. */
  #into(project: string): void {
    const sandbox = this.#sandbox;
    const git = `git --git-dir=${sandbox.path("git")} --work-tree=.`;
    this.#sh(`${git} init -q && ${git} config core.autocrlf false`);
    this.#time("git add", () => this.#sh(`${git} add -A -f`));
    this.#time("git add again", () => this.#sh(`${git} add -A -f`));
    this.#time("cp -a", () => this.#sh(`cp -a . ${project}`));
    sandbox.mustVrift(["daemon", "start"]);
    this.#time("ingest", () => sandbox.mustVrift(["ingest", project]));
    this.#time("ingest again", () => sandbox.mustVrift(["ingest", project]));
    sandbox.mustVrift(["daemon", "stop"]);
    renameSync(join(sandbox.home, ".vrift"), sandbox.path("ingested"));
    if (sandbox.run("sh", ["-c", "command -v b3sum"]).code === 0)
      this.#time("b3sum", () =>
        this.#sh("find . -type f -print0 | xargs -0 -P 2 -n 1000 b3sum --num-threads 1 > /dev/null"),
      );
  }

  /** Last, because nothing else is deleted. */
  #links(): void {
    const links = this.#sandbox.path("links");
    this.#time("cp -al", () => this.#sh(`cp -al . ${links}`));
    this.#time("rm -r", () => this.#sh(`rm -r ${links}`));
  }

  /** The clone's directories and what stays physical in it, by mkdir and cp. */
  #skeleton(clone: string): void {
    const copy = this.#sandbox.path("skeleton");
    mkdirSync(copy);
    const rest = `find . -path ./.vrift -prune -o ! -type d -print0 | xargs -0 -r cp -a --parents -t ${copy}`;
    const directories = `find . -path ./.vrift -prune -o -type d -print0 | (cd ${copy} && xargs -0 mkdir -p)`;
    this.#time("mkdir and cp -a", () => this.#sh(`${directories} && ${rest}`, clone));
  }

  #sh(script: string, cwd = this.#tree): void {
    const { code, stderr } = this.#sandbox.run("bash", ["-c", `set -o pipefail; ${script}`], { cwd });
    if (code !== 0) throw new Error(`${script}: ${stderr}`);
  }

  /** What was written before is on disk, so that nobody waits for another's bytes. */
  #time(what: string, work: () => void): void {
    if (!this.#toy) this.#sandbox.run("sync", ["-f", this.#sandbox.directory]);
    const begun = process.hrtime.bigint();
    work();
    const ms = Number(process.hrtime.bigint() - begun) / 1e6;
    this.#times.set(what, [...(this.#times.get(what) ?? []), ms]);
  }
}

function rows(times: Times): BenchRow[] {
  const sum = (...names: string[]): number[] | undefined => {
    const parts = names.map((name) => times.get(name));
    if (parts.some((part) => part === undefined)) return undefined;
    return parts[0]!.map((_, round) => parts.reduce((total, part) => total + part![round]!, 0));
  };
  const against: readonly (readonly [ours: string, theirs: string, values: number[] | undefined])[] = [
    ["phantom", "git add -A", sum("git add")],
    ["phantom", "b3sum, cp -al and rm -r", sum("b3sum", "cp -al", "rm -r")],
    ["ingest", "cp -a", sum("cp -a")],
    ["ingest again", "git add -A again", sum("git add again")],
    ["clone", "mkdir, and cp -a of what stays physical", sum("mkdir and cp -a")],
    ["solid", "cp -a", sum("cp -a")],
    ["solid", "cp -al", sum("cp -al")],
  ];
  return against.flatMap(([name, what, theirs]) => {
    const ours = times.get(name);
    if (ours === undefined || theirs === undefined) return [];
    const ratio = spread(ours.map((value, round) => (theirs[round] ?? NaN) / value));
    return [
      { what: `${name}, against ${what}`, unit: "ms", ours: spread(ours), theirs: spread(theirs), ratio },
    ];
  });
}

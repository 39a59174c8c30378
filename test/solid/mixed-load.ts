/**
 * Ten projects at once, with what people do in them: programs under the library that look, write and end, editors outside, branches that
 * are checked out, directories that are built and removed. What the daemons hold (memory, descriptors, watches, index) must level off:
 * the tree's own size goes up and down and comes back.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { projectOwners } from "../end-projects.js";
import type { TestHome } from "../cli/vrift-process.js";
import { ownerOf } from "../../src/workspace/owner-lock.js";
import { Random } from "../store/random.js";

export interface LoadOptions {
  readonly home: TestHome;
  readonly seed: number;
  readonly durationMs: number;
  readonly projects: number;
  /** Files of each when it begins. */
  readonly files: number;
  /** Between looks at what the daemons hold. */
  readonly sampleMs: number;
}

/** What vriftd and all vdir_d hold together. */
export interface Held {
  /** Memory of their own: pages of the index are shared with programs. */
  readonly privateKiB: number;
  readonly descriptors: number;
  readonly watches: number;
  readonly indexBytes: number;
}

export interface LoadReport {
  readonly rounds: number;
  readonly samples: readonly Held[];
}

export async function mixedLoad(options: LoadOptions): Promise<LoadReport> {
  const { home, seed, durationMs, projects, files, sampleMs } = options;
  const roots = Array.from({ length: projects }, (_, i) => join(home.work, `project ${i}`));
  for (const root of roots) makeProject(root, files);
  await Promise.all(roots.map((root) => vrift(home, root, ["run", "--", "true"])));
  const until = Date.now() + durationMs;
  const samples: Held[] = [];
  let rounds = 0;
  const work = roots.map(async (root, i) => {
    const random = new Random(seed + i);
    for (; Date.now() < until; rounds++) await round(home, root, random);
  });
  const sampling = (async () => {
    for (; Date.now() < until; await wait(sampleMs)) samples.push(held(home));
  })();
  await Promise.all([...work, sampling]);
  return { rounds, samples };
}

function makeProject(root: string, files: number): void {
  for (let i = 0; i < files; i++) {
    const directory = join(root, `d${i % 20}`, `e${i % 7}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `f${i}.txt`), `${i}\n`.repeat(i % 50));
  }
  const git = (...args: string[]): void => {
    const options = { cwd: root, encoding: "utf8" } as const;
    const { status, stderr } = spawnSync(
      "git",
      ["-c", "user.name=t", "-c", "user.email=t@t", ...args],
      options,
    );
    assert.equal(status, 0, stderr);
  };
  git("init", "-q", "-b", "one");
  git("add", "-A");
  git("commit", "-qm", "one");
  git("checkout", "-q", "-b", "two");
  for (let i = 0; i < files; i += 3)
    writeFileSync(join(root, `d${i % 20}`, `e${i % 7}`, `f${i}.txt`), "two\n");
  git("commit", "-qam", "two");
}

/** Leaves the tree with as many names as it had. */
async function round(home: TestHome, root: string, random: Random): Promise<void> {
  const pick = random.below(6);
  const build = join(root, "build");
  if (pick === 0) await vrift(home, root, ["run", "--", "git", "status", "--short"]);
  else if (pick === 1) await vrift(home, root, ["run", "--", "find", ".", "-name", "*.none", "-newer", "d0"]);
  else if (pick === 2)
    await vrift(home, root, ["run", "--", "git", "checkout", "-qf", random.below(2) ? "one" : "two"]);
  else if (pick === 3) {
    const script =
      "mkdir -p build/deep && for i in $(seq 60); do echo $i > build/deep/$i.o; done; cat build/deep/*.o | wc -l; rm -r build";
    await vrift(home, root, ["run", "--", "sh", "-c", script]);
  } else if (pick === 4) {
    for (let i = 0; i < 100; i++) {
      mkdirSync(join(build, `o${i % 10}`), { recursive: true });
      writeFileSync(join(build, `o${i % 10}`, `${i}.o`), "object");
    }
    rmSync(build, { recursive: true });
  } else {
    const file = join(root, "d0/e0/f0.txt");
    writeFileSync(`${file}~`, `edited ${random.below(1000)}\n`);
    renameSync(`${file}~`, file);
    if (random.below(4) === 0) await vrift(home, root, ["sync"]);
  }
}

async function vrift(home: TestHome, cwd: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await home.vrift(args, { cwd });
  assert.equal(code, 0, `vrift ${args.join(" ")}: ${stderr}`);
}

function held(home: TestHome): Held {
  const root = join(home.home, ".vrift");
  const vriftd = ownerOf(join(root, "run/vriftd.lock"));
  const pids = [...projectOwners(root), ...(vriftd === undefined ? [] : [vriftd])];
  const each = pids.map((pid) => ({
    privateKiB:
      kibibytes(`/proc/${pid}/smaps_rollup`, "Private_Clean") +
      kibibytes(`/proc/${pid}/smaps_rollup`, "Private_Dirty"),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    watches: watchesOf(pid),
  }));
  const sum = (of: (one: (typeof each)[number]) => number): number =>
    each.reduce((all, one) => all + of(one), 0);
  return {
    privateKiB: sum((one) => one.privateKiB),
    descriptors: sum((one) => one.descriptors),
    watches: sum((one) => one.watches),
    indexBytes: indexBytes(join(root, "run")),
  };
}

function kibibytes(file: string, name: string): number {
  return Number(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(readFileSync(file, "latin1"))?.[1] ?? NaN);
}

/** A line of fdinfo for each watch. */
function watchesOf(pid: number): number {
  let count = 0;
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    try {
      count += readFileSync(`/proc/${pid}/fdinfo/${fd}`, "latin1").split("\ninotify wd:").length - 1;
    } catch {
      // Closed since it was listed.
    }
  }
  return count;
}

/** Blocks of everything in the projects' run directories that is an index. */
function indexBytes(run: string): number {
  let bytes = 0;
  for (const id of readdirSync(run).filter((name) => /^[0-9a-f]{32}$/.test(name))) {
    const status = statSync(join(run, id, "index"), { throwIfNoEntry: false });
    bytes += (status?.blocks ?? 0) * 512;
  }
  return bytes;
}

/** Mean of the second half against that of the first, without the first fifth, in which everything is made. */
export function growth(
  samples: readonly Held[],
  of: (held: Held) => number,
): { first: number; second: number; ratio: number } {
  const settled = samples.slice(Math.floor(samples.length / 5));
  const middle = Math.floor(settled.length / 2);
  const mean = (part: readonly Held[]): number => part.reduce((sum, one) => sum + of(one), 0) / part.length;
  const [first, second] = [mean(settled.slice(0, middle)), mean(settled.slice(middle))];
  return { first, second, ratio: second / first };
}

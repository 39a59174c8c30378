/**
 * kill -9, for real and at random, of the projects' processes, of vriftd, of the programs, and of all at once, while programs work in several
 * workspaces and what they write is committed and made virtual again. What a program has said to have done is there afterwards, and at most one
 * operation more; programs whose daemon dies go on.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { ownerOf } from "../../src/workspace/owner-lock.js";
import { Sandbox, listingScript, vriftCommand } from "../e2e/sandbox.js";
import { projectOwners } from "../end-projects.js";
import { Random } from "../store/random.js";
import { Running, type Work } from "./work.js";
import { works } from "./works.js";

export interface KillRounds {
  readonly failures: readonly string[];
  /** Kills of each kind, and operations that were completed. */
  readonly kills: Readonly<Record<string, number>>;
  readonly operations: number;
  readonly dehydrated: number;
}

const VICTIMS = ["projects", "vriftd", "a program", "all"] as const;
type Victim = (typeof VICTIMS)[number];

/** @param others what works beside the random operations: so many of them, chosen by the seed; all when left out. */
export async function killRounds(
  rounds: number,
  seed: number,
  say: (line: string) => void,
  others = Infinity,
): Promise<KillRounds> {
  const sandbox = new Sandbox();
  const random = new Random(seed);
  const failures: string[] = [];
  const kills: Record<string, number> = {};
  let operations = 0;
  let dehydrated = 0;
  try {
    const [first, ...beside] = works(sandbox, seed);
    while (beside.length > others) beside.splice(random.below(beside.length), 1);
    const all = [first!, ...beside];
    const next = new Map(all.map((work) => [work, 1]));
    for (const work of all) {
      work.make();
      sandbox.mustVrift(["phantom", "--yes", work.root]);
    }
    for (let round = 0; round < rounds && failures.length === 0; round++) {
      const victim = VICTIMS[random.below(VICTIMS.length)]!;
      // Two at a time: more of them would only wait for the processors.
      const chosen = [all[0]!, all[1 + random.below(all.length - 1)]!];
      const fail = (work: Work, what: string): void =>
        void failures.push(`seed ${seed}, round ${round}, ${victim}, ${work.name}: ${what}`);
      const running = chosen.map((work) => new Running(sandbox, work, next.get(work)!));
      await attempt(running[0]!.goesOn(1), (why) => fail(chosen[0]!, why));
      const commits = chosen.map(({ root }) => command(sandbox, ["commit", root]));
      await wait(random.below(400));
      await kill(sandbox, victim, running);
      kills[victim] = (kills[victim] ?? 0) + 1;
      if (victim === "projects" || victim === "vriftd")
        for (const [i, one] of running.entries())
          await attempt(one.goesOn(1), (why) => fail(chosen[i]!, why));
      await Promise.all(running.map((one) => one.kill()));
      await Promise.all(commits.map(ended));
      if (random.once(2)) await moveAndKill(sandbox, chosen[0]!, random);
      for (const [i, work] of chosen.entries()) {
        const { last } = running[i]!;
        operations += last - next.get(work)! + 1;
        const problem = work.check(next.get(work)!, last);
        if (problem !== undefined) fail(work, problem);
        next.set(work, last + 2);
      }
      if (random.once(3)) dehydrated += makeVirtual(sandbox, chosen[0]!.root);
      say(
        `round ${round}: ${victim}, ${chosen.map(({ name }) => name).join(" and ")}, ${operations} operations so far`,
      );
    }
    for (const { root, name } of all) {
      const seen = sandbox.sh(listingScript(), root, "vrift").stdout;
      sandbox.mustVrift(["solid", root]);
      const solid = sandbox.sh(listingScript(), root, "bare").stdout;
      if (seen !== solid) failures.push(`${name}: solid is not what was seen`);
    }
  } finally {
    sandbox.dispose();
  }
  return { failures, kills, operations, dehydrated };
}

async function attempt(work: Promise<void>, fail: (why: string) => void): Promise<void> {
  try {
    await work;
  } catch (error) {
    fail(String(error));
  }
}

async function kill(sandbox: Sandbox, victim: Victim, running: readonly Running[]): Promise<void> {
  const home = join(sandbox.home, ".vrift");
  const daemons = {
    projects: projectOwners(home),
    vriftd: [ownerOf(join(home, "run/vriftd.lock")) ?? 0].filter((pid) => pid !== 0),
  };
  const pids = {
    projects: daemons.projects,
    vriftd: daemons.vriftd,
    all: [...daemons.vriftd, ...daemons.projects],
    "a program": [],
  };
  for (const pid of pids[victim]) killed(pid);
  if (victim === "a program") await running[0]!.kill();
  if (victim === "all") await Promise.all(running.map((one) => one.kill()));
}

function killed(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It was just ending.
  }
}

function command(sandbox: Sandbox, args: readonly string[]): ChildProcess {
  return spawn(vriftCommand, args, { cwd: sandbox.directory, env: sandbox.env, stdio: "ignore" });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

/** The project's process dies while it makes files virtual. */
async function moveAndKill(sandbox: Sandbox, { root }: Work, random: Random): Promise<void> {
  const moving = command(sandbox, ["commit", "--dehydrate", root]);
  await wait(80 + random.below(250));
  for (const pid of projectOwners(join(sandbox.home, ".vrift"))) killed(pid);
  await ended(moving);
}

function makeVirtual(sandbox: Sandbox, root: string): number {
  const { stdout } = sandbox.mustVrift(["commit", "--dehydrate", "--json", root]);
  return Number(/"dehydrated": ?(\d+)/.exec(stdout)?.[1] ?? 0);
}

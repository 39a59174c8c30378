/**
 * Does the index of a solid tree ever say what is not so? Programs outside the library change a tree in every way, injected ones
 * (native/test/liar.c) compare each answer of the library with the kernel's:
 *
 *  - what the asking program or its children have changed: right at once, static children, descriptors and mappings included;
 *  - what others have changed: right after `vrift sync`, every name, every field; seen without it in a moment, which is measured.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { launcherPath, projectRoot } from "../cli/vrift-process.js";
import type { TestHome } from "../cli/vrift-process.js";
import { makeNative } from "../make-native.js";
import { Random } from "../store/random.js";

const LIAR = join(projectRoot, "build/native/liar");
const UNINJECTED = join(projectRoot, "build/native/uninjected");

export interface LiarOptions {
  readonly seed: number;
  /** Files of the tree when it begins. */
  readonly files: number;
  /** Rounds of changes from outside, each with a `vrift sync` and a look at every name. */
  readonly rounds: number;
  /** Changes from outside in a round. */
  readonly changes: number;
  /** How long programs of our own change names and look. */
  readonly ownMs: number;
  readonly home: TestHome;
}

export interface LiarReport {
  /** Answers compared with the kernel's after `vrift sync`, and of how many calls the index gave the answer. */
  readonly answers: number;
  readonly fromIndex: number;
  /** Of programs that change names themselves. */
  readonly own: string;
  /** Microseconds until a name that came or went outside was seen. */
  readonly seenAfter: readonly number[];
}

export async function liar(options: LiarOptions): Promise<LiarReport> {
  const { home, seed, files, rounds, changes, ownMs } = options;
  const random = new Random(seed);
  const root = join(home.work, "liar");
  makeTree(root, files);
  begin(home);
  await vrift(home, root, ["sync"]);

  const outside = new Outside(root, random);
  let answers = 0;
  let fromIndex = 0;
  for (let round = 0; round < rounds; round++) {
    for (let change = 0; change < changes; change++) outside.change();
    await vrift(home, root, ["sync"]);
    const compared = await compare(home, root, outside.missing);
    answers += compared.answers;
    fromIndex += compared.fromIndex;
  }
  outside.end();
  const own = await changeOwn(home, root, seed, ownMs);
  const seenAfter = await watch(home, root, Math.min(200, changes));
  return { answers, fromIndex, own, seenAfter };
}

/** Files are answered for at once, so that there is something to be wrong. `compare` needs it before. */
export function begin(home: TestHome): void {
  home.env["VRIFT_SETTLE_SECONDS"] = "0";
  assert.equal(makeNative(["tests"]), undefined);
}

export function makeTree(root: string, files: number): void {
  mkdirSync(root);
  for (let i = 0; i < files; i++) {
    const directory = join(root, `d${i % 17}`, `e${i % 5}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `f${i}`), "x".repeat(i % 5000));
  }
  mkdirSync(join(root, ".git"));
  writeFileSync(join(root, ".git", "config"), "");
  writeFileSync(join(root, ".env"), "SECRET=1");
}

async function vrift(home: TestHome, cwd: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr, code } = await home.vrift(args, { cwd });
  assert.equal(code, 0, `vrift ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Every name of the tree, and some that are not there. */
function namesOf(root: string, missing: readonly string[]): string[] {
  const found: string[] = [root];
  for (const entry of readdirSync(root, { recursive: true, encoding: "utf8" })) found.push(join(root, entry));
  return [...found, ...missing, join(root, "never"), join(root, "d0/never/below"), join(root, "d0", "")];
}

/** Of every name of the tree, the library's answers with the kernel's; fails at a wrong one. */
export async function compare(
  home: TestHome,
  root: string,
  missing: readonly string[],
): Promise<{ answers: number; fromIndex: number }> {
  const counts = join(home.directory, "counts.json");
  const { stdout, stderr, code } = await home.vrift(["run", `--stats=${counts}`, "--", LIAR, "check"], {
    cwd: root,
    input: `${namesOf(root, missing).join("\n")}\n`,
  });
  assert.equal(code, 0, `${stdout}${stderr}`);
  const answers = /^right: (\d+) answers$/m.exec(stdout)?.[1];
  assert.ok(answers !== undefined, stdout);
  return { answers: Number(answers), fromIndex: indexCalls(readFileSync(counts, "utf8")) };
}

function indexCalls(json: string): number {
  const { index } = JSON.parse(json) as { index: Readonly<Record<string, number>> };
  return Object.values(index).reduce((sum, count) => sum + count, 0);
}

async function changeOwn(home: TestHome, root: string, seed: number, ownMs: number): Promise<string> {
  const args = ["run", "--", LIAR, "own", join(root, "own"), String(seed), String(ownMs), UNINJECTED];
  return (await vrift(home, root, args)).trim();
}

/** Names come and go outside; a program under the library says when it has seen it. */
async function watch(home: TestHome, root: string, count: number): Promise<number[]> {
  const child = spawn(launcherPath, ["run", "--", LIAR, "watch"], {
    cwd: root,
    env: home.env,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const seen: number[] = [];
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]() as AsyncIterator<string>;
    for (let i = 0; i < count; i++) {
      const name = join(root, "d0", `watched-${i % 7}`);
      const exists = !existsSync(name);
      if (exists) writeFileSync(name, "");
      else unlinkSync(name);
      child.stdin.write(`${name} ${exists ? 1 : 0}\n`);
      const line = await lines.next();
      const text = line.done === true ? "" : line.value;
      assert.match(text, /^\d+$/);
      seen.push(Number(text));
    }
  } finally {
    await ended(child);
  }
  return seen;
}

async function ended(child: ChildProcess): Promise<void> {
  child.stdin?.end();
  if (child.exitCode === null) await new Promise((resolve) => child.once("exit", resolve));
}

/** A program that knows nothing of vrift. */
export class Outside {
  readonly #root: string;
  readonly #random: Random;
  #count = 0;
  /** A file that is open for writing all the time. */
  #kept: number | undefined;
  readonly missing: string[] = [];

  constructor(root: string, random: Random) {
    this.#root = root;
    this.#random = random;
  }

  end(): void {
    if (this.#kept !== undefined) closeSync(this.#kept);
  }

  change(): void {
    const file = this.#file();
    const directory = this.#directory();
    const fresh = join(directory, `new${this.#count++}`);
    const pick = this.#random.below(16);
    try {
      if (pick === 0) writeFileSync(file, "written over");
      else if (pick === 1) truncateSync(file, this.#random.below(10_000));
      else if (pick === 2) chmodSync(file, this.#random.below(2) ? 0o600 : 0o644);
      else if (pick === 3) utimesSync(file, 1_000_000_000, 1_000_000_000 + this.#random.below(1000));
      else if (pick === 4) this.#replace(file, fresh);
      else if (pick === 5) linkSync(file, fresh);
      else if (pick === 6) linkSync(file, join(this.#root, "..", `outside${this.#count}`));
      else if (pick === 7) symlinkSync("target", fresh);
      else if (pick === 8) mkdirSync(join(fresh, "deep/er"), { recursive: true });
      else if (pick === 9) this.#remove(file);
      else if (pick === 10 && this.#random.below(8) === 0) this.#remove(directory);
      else if (pick === 11) renameSync(file, fresh);
      else if (pick === 12 && this.#random.below(4) === 0)
        renameSync(directory, `${directory}-moved${this.#count}`);
      else if (pick === 13) readFileSync(file);
      else if (pick === 14) this.#keepOpen(file);
      else writeFileSync(fresh, "new");
    } catch (error) {
      // What was drawn is something else by now.
      if (
        !/^(?:ENOENT|EEXIST|EISDIR|ENOTDIR|ENOTEMPTY|ELOOP|EINVAL|EMLINK|EPERM)$/.test(
          (error as { code: string }).code,
        )
      )
        throw error;
    }
  }

  #replace(file: string, temporary: string): void {
    writeFileSync(temporary, "put in place by rename");
    renameSync(temporary, file);
  }

  #remove(path: string): void {
    rmSync(path, { recursive: true });
    this.missing.push(path);
  }

  #keepOpen(file: string): void {
    if (this.#kept === undefined) this.#kept = openSync(file, "r+");
    else if (this.#random.below(3) === 0) {
      closeSync(this.#kept);
      this.#kept = undefined;
    } else if (this.#random.below(2)) writeSync(this.#kept, "kept");
    else ftruncateSync(this.#kept, 7);
  }

  #directory(): string {
    return join(this.#root, `d${this.#random.below(17)}`, `e${this.#random.below(5)}`);
  }

  #file(): string {
    const directory = this.#directory();
    const names = existsSync(directory) && lstatSync(directory).isDirectory() ? readdirSync(directory) : [];
    return join(directory, names[this.#random.below(Math.max(1, names.length))] ?? "none");
  }
}

/** `git checkout` of another branch, with so many files that the queue of events may overflow. */
export async function checkoutBranch(
  home: TestHome,
  files: number,
  checkouts: readonly ("one" | "two")[],
): Promise<{ answers: number }> {
  const root = join(home.work, "branches");
  mkdirSync(root);
  begin(home);
  const git = (...args: string[]): void => {
    const { status, stderr } = spawnSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...args], {
      cwd: root,
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
  };
  git("init", "-q", ".");
  for (const branch of ["one", "two"]) {
    git("checkout", "-q", "--orphan", branch);
    git("rm", "-rfq", "--ignore-unmatch", ".");
    for (let i = 0; i < files; i++) {
      const directory = join(root, `d${i % 97}`, branch === "one" ? `a${i % 3}` : `b${i % 4}`);
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, `f${i}`), `${branch} ${i}`);
    }
    git("add", "-A");
    git("commit", "-qm", branch);
  }
  await vrift(home, root, ["sync"]);
  let answers = 0;
  for (const branch of checkouts) {
    git("checkout", "-q", branch);
    await vrift(home, root, ["sync"]);
    answers += (await compare(home, root, [join(root, "d0/a0"), join(root, "d0/b0")])).answers;
  }
  return { answers };
}

/** For people. */
export function reportText({ answers, fromIndex, own, seenAfter }: LiarReport): string {
  const sorted = [...seenAfter].sort((a, b) => a - b);
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
  return (
    `after sync: ${answers} answers right, ${fromIndex} calls answered from the index; own changes: ${own}; ` +
    `outside changes seen after ${at(0.5)} us (median), ${at(0.99)} us (p99)`
  );
}

/**
 * Eight processes on one store with a grace period of 0: importers by copy, link and bytes, claims and upserts, snapshots that
 * take over from workspaces, two sweepers. Now and then one is killed with SIGKILL and begins again. Whatever a list or the
 * lease of a living process names must be there, byte by byte, all the time and at the end; and in the end nothing else is.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { hashBytes } from "../../src/platform/hash.js";
import { readSweepFilter } from "../../src/protocol/sweep-filter.js";
import { parseBlobName } from "../../src/store/blob-names.js";
import { openStore } from "../../src/store/content-store.js";
import type { ContentStore } from "../../src/store/store.js";
import { Random } from "./random.js";

const worker = fileURLToPath(new URL("./sweep-worker.js", import.meta.url));
const KINDS = ["copy", "copy", "link", "link", "claim", "snapshot", "sweep", "sweep"] as const;
const KILL_EVERY_MS = 250;
const FEWEST_SWEEPS = 3;

export interface StressReport {
  kills: number;
  sweepersKilled: number;
  /** Sweeps that came to their end, and blobs they deleted. */
  sweeps: number;
  deleted: number;
  /** Lines of acknowledged content. */
  acknowledged: number;
  /** Looked at in the end: blobs named by lists, and by a living lease. */
  checkedRooted: number;
  checkedLeased: number;
  readonly failures: string[];
}

class Worker {
  readonly name: string;
  readonly kind: string;
  /** What its lease holds; of this life only. */
  leased = new Set<string>();
  idle = false;
  #child: ChildProcess | undefined;
  #closed: Promise<unknown> = Promise.resolve();

  constructor(name: string, kind: string) {
    this.name = name;
    this.kind = kind;
  }

  start(args: readonly string[], line: (text: string) => void, failed: (text: string) => void): void {
    this.leased = new Set();
    const child = spawn(process.execPath, [worker, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child = child;
    child.stdin.on("error", () => undefined);
    this.#closed = once(child, "close").then(([code, signal]) => {
      if (code !== 0 && signal !== "SIGKILL") failed(`${this.name} ended with ${String(code ?? signal)}`);
    });
    let rest = "";
    child.stdout.setEncoding("latin1").on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const text of lines) line(text);
    });
  }

  end(): void {
    this.#child?.stdin?.end();
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#closed;
  }

  async closed(): Promise<void> {
    await this.#closed;
  }
}

export async function runStress(directory: string, seed: number, seconds: number): Promise<StressReport> {
  return await new Stress(directory, seed).run(seconds);
}

class Stress {
  readonly #path: string;
  readonly #scratch: string;
  readonly #random: Random;
  readonly #workers = KINDS.map((kind, i) => new Worker(`${kind}${i}`, kind));
  /** List to blob names. A list in `ending` may have been removed. */
  readonly #lists = new Map<string, Set<string>>();
  readonly #ending = new Set<string>();
  readonly #report: StressReport = {
    kills: 0,
    sweepersKilled: 0,
    sweeps: 0,
    deleted: 0,
    acknowledged: 0,
    checkedRooted: 0,
    checkedLeased: 0,
    failures: [],
  };

  constructor(directory: string, seed: number) {
    this.#path = join(directory, "source");
    this.#scratch = join(directory, "scratch"); // same file system, so that links are possible
    mkdirSync(this.#scratch);
    this.#random = new Random(seed);
  }

  async run(seconds: number): Promise<StressReport> {
    const store = await openStore(this.#path, { graceMs: 0 });
    try {
      for (const one of this.#workers) this.#start(one);
      await this.#killSome(seconds);
      await this.#quiet();
      await store.sweep(NOTHING);
      await this.#check(store);
      for (const one of this.#workers) await one.kill();
      await this.#checkNothingStays(store);
    } finally {
      for (const one of this.#workers) await one.kill();
      store.close();
    }
    return this.#report;
  }

  #start(one: Worker): void {
    const seed = String(this.#random.below(1e9));
    const args = [this.#path, one.name, one.kind, seed, this.#scratch];
    one.start(args, (line) => this.#take(one, line), this.#fail);
  }

  readonly #fail = (text: string): void => {
    this.#report.failures.push(text);
  };

  #take(one: Worker, line: string): void {
    const [word, ...rest] = line.split(" ") as [string, ...string[]];
    if (word === "+") {
      const [list, ...names] = rest as [string, ...string[]];
      if (!this.#lists.has(list)) this.#lists.set(list, new Set());
      for (const name of names) this.#lists.get(list)!.add(name);
      this.#ending.delete(list);
      this.#report.acknowledged += names.length;
    } else if (word === "-") {
      this.#lists.delete(rest[0]!);
      this.#ending.add(rest[0]!);
    } else if (word === "=") for (const name of rest) one.leased.add(name);
    else if (word === "sweep") {
      this.#report.sweeps++;
      this.#report.deleted += Number(rest[0]);
    } else if (word === "idle") one.idle = true;
    else this.#fail(`${one.name}: ${line}`);
  }

  async #killSome(seconds: number): Promise<void> {
    const until = Date.now() + seconds * 1000;
    const isDone = (): boolean => this.#report.deleted > 0 && this.#report.sweeps >= FEWEST_SWEEPS;
    // A busy machine gets more time, so that there is something to judge.
    while (Date.now() < until || (!isDone() && Date.now() < until + 60_000)) {
      await wait(this.#random.below(2 * KILL_EVERY_MS));
      const one = this.#workers[this.#random.below(this.#workers.length)]!;
      await one.kill();
      this.#report.kills++;
      if (one.kind === "sweep") this.#report.sweepersKilled++;
      this.#start(one);
    }
  }

  /** All have ended but those whose leases are looked at. */
  async #quiet(): Promise<void> {
    for (const one of this.#workers) one.end();
    for (const one of this.#workers) {
      if (one.kind !== "claim") await one.closed();
      for (let i = 0; i < 3000 && !one.idle; i++) await wait(10);
      if (!one.idle) this.#fail(`${one.name} does not end`);
    }
  }

  async #check(store: ContentStore): Promise<void> {
    for (const [list, names] of this.#lists) {
      const roots = await store.roots(list);
      for (const name of names) {
        if (!roots.has(parseBlobName(name)!.hash)) this.#fail(`${list} does not name ${name}`);
        await this.#checkBlob(store, name, list);
        this.#report.checkedRooted++;
      }
      roots.close();
    }
    for (const one of this.#workers) {
      for (const name of one.leased) {
        await this.#checkBlob(store, name, `the lease of ${one.name}`);
        this.#report.checkedLeased++;
      }
    }
  }

  async #checkBlob(store: ContentStore, name: string, by: string): Promise<void> {
    const id = parseBlobName(name)!;
    const bytes = await store.readBlob(id).catch(() => undefined);
    if (bytes === undefined || !hashBytes(bytes).equals(id.hash)) this.#fail(`lost: ${name}, named by ${by}`);
  }

  async #checkNothingStays(store: ContentStore): Promise<void> {
    for (const name of store.rootNames()) await store.removeRoots(name);
    await store.sweep(NOTHING);
    const { blobs } = await store.usage();
    if (blobs !== 0) this.#fail(`${blobs} blobs stay that nobody names`);
    const trash = readdirSync(join(this.#path, "trash"), { recursive: true, encoding: "utf8" });
    for (const name of trash) if (name.length > 2) this.#fail(`trash/${name} stays`);
  }
}

const NOTHING = readSweepFilter(new Uint8Array(0));

/** A program that works in a workspace, is killed, and is looked at: what it said that it has done is there. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { type Sandbox, vriftCommand } from "../e2e/sandbox.js";

/** Long enough for any machine; what takes longer hangs. */
const HANGS_MS = 60_000;

export interface Work {
  readonly name: string;
  readonly root: string;
  /** What it runs, in `root`; it prints the number of each operation that it has completed. */
  command(first: number): readonly string[];
  /** Before the first round; afterwards the tree becomes phantom. */
  make(): void;
  /**
   * What is wrong when the program has said that it did everything from `first` up to `last`. Whatever it left half done is put in order. With
   * `last` before `first` it was killed before it did anything.
   */
  check(first: number, last: number): string | undefined;
}

/** One run of it. */
export class Running {
  readonly #child: ChildProcess;
  readonly #first: number;
  #printed = "";
  #stderr = "";

  constructor(sandbox: Sandbox, work: Work, first: number) {
    const { root: cwd } = work;
    this.#first = first;
    this.#child = spawn(vriftCommand, ["run", "--", ...work.command(first)], {
      ...{ cwd, env: sandbox.env, detached: true },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => (this.#printed += text));
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
  }

  /** The number of the last operation that it has completed, whole lines only. */
  get last(): number {
    const lines = this.#printed.split("\n").slice(0, -1);
    return lines.length === 0 ? this.#first - 1 : Number(lines.at(-1));
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resolves when it has completed some more; rejects when it has ended by itself, or hangs. */
  async goesOn(operations: number): Promise<void> {
    const goal = this.last + operations;
    for (const begin = performance.now(); this.last < goal; await wait(5)) {
      if (this.ended)
        throw new Error(`it has ended by itself after ${this.last}: ${this.#stderr.slice(-600)}`);
      if (performance.now() - begin > HANGS_MS)
        throw new Error(`it hangs after ${this.last}: ${this.#stderr}`);
    }
  }

  /** kill -9, of all its processes; what it had written to its pipe is read. */
  async kill(): Promise<void> {
    const closed = this.#child.stdout!.closed ? Promise.resolve() : once(this.#child.stdout!, "close");
    try {
      process.kill(-this.#child.pid!, "SIGKILL");
    } catch {
      // It had ended.
    }
    await closed;
  }
}

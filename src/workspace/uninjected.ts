/**
 * Programs that the library cannot enter, started by programs under it (docs/solid.md). Whoever executes one writes `+<pid>` to
 * `run/<id>/uninjected`, a line in one write, and moves the word MARK_UNINJECTED after that; `-<pid>` when exec failed. What a
 * snapshot of the marks has seen of the word, the file has told before.
 */
import {
  closeSync,
  constants as fs,
  fstatSync,
  openSync,
  readSync,
  readFileSync,
  readdirSync,
} from "node:fs";
import { join } from "node:path";
import { isErrno } from "../platform/files.js";
import { constants } from "../vdir/layout.js";
import type { Tree } from "./tree.js";

const WORD = Number(constants.MARK_UNINJECTED);
const LIBRARY = "libvrift_inception.so";

export class Uninjected {
  readonly #file: string;
  readonly #index: string;
  /** Everything before it was told of processes that are gone. */
  #read = 0;
  /** Of each that may live: how often it is said to execute such a program. */
  readonly #pids = new Map<number, number>();

  constructor(tree: Pick<Tree, "paths">) {
    this.#file = join(tree.paths.run, "uninjected");
    this.#index = tree.paths.index;
  }

  /** Whether one of them, or a program of theirs, runs. */
  any(): boolean {
    this.#readNew();
    for (const pid of this.#pids.keys()) {
      if (lives(pid)) return true;
      this.#pids.delete(pid);
    }
    return this.#anyWithout();
  }

  #readNew(): void {
    let fd: number;
    try {
      fd = openSync(this.#file, fs.O_RDONLY | fs.O_NOFOLLOW);
    } catch (error) {
      if (isErrno(error, "ENOENT")) return;
      throw error;
    }
    try {
      const bytes = Buffer.alloc(Math.max(0, fstatSync(fd).size - this.#read));
      const length = readSync(fd, bytes, 0, bytes.length, this.#read);
      const text = bytes.toString("latin1", 0, length);
      const whole = text.lastIndexOf("\n") + 1;
      for (const line of text.slice(0, whole).split("\n")) this.#take(line);
      this.#read += whole;
    } finally {
      closeSync(fd);
    }
  }

  #take(line: string): void {
    const pid = Number(line.slice(1));
    if (!Number.isSafeInteger(pid) || pid <= 0) return;
    const count = (this.#pids.get(pid) ?? 0) + (line.startsWith("+") ? 1 : -1);
    if (count > 0) this.#pids.set(pid, count);
    else this.#pids.delete(pid);
  }

  /** Started with this index in its environment, and without the library: a child of one of them. */
  #anyWithout(): boolean {
    const variable = `VRIFT_INDEX=${this.#index}`;
    for (const pid of readdirSync("/proc")) {
      if (!/^\d+$/.test(pid)) continue;
      try {
        const isOurs = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(variable);
        if (isOurs && !readFileSync(`/proc/${pid}/maps`, "latin1").includes(LIBRARY) && lives(Number(pid)))
          return true;
      } catch (error) {
        // Gone, or somebody else's.
        if (!isErrno(error, "ENOENT", "EACCES", "EPERM", "ESRCH")) throw error;
      }
    }
    return false;
  }
}

/** One that has ended and that nobody has waited for changes no file any more. */
function lives(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state] = text.slice(text.lastIndexOf(")") + 2);
    return state !== "Z" && state !== "X";
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH")) return false;
    throw error;
  }
}

/**
 * Value of the word up to which every such program has ended; undefined when one runs. Asked before the watcher is drained: what a
 * program did that had ended by then is in the marks afterwards.
 */
export function endedUninjected(tree: Tree): bigint | undefined {
  if (tree.kind !== "solid") return undefined;
  const word = Atomics.load(new BigUint64Array(tree.marks.buffer), WORD);
  return word === seenWord(tree, WORD) || !tree.uninjected.any() ? word : undefined;
}

/** The word is published with a snapshot that was taken after the drain only as it was then. */
export function holdUninjected(snapshot: ArrayBuffer, ended: bigint | undefined): void {
  const words = new BigUint64Array(snapshot);
  if (words[WORD] !== ended) words[WORD] = (words[WORD] ?? 0n) | constants.MARK_BEGIN;
}

/** A round would publish something: a word has moved. `than`: what the last round has published or could not. */
export function movedSince(tree: Tree, than: bigint | undefined): bigint | undefined {
  const marks = new BigUint64Array(tree.marks.buffer);
  const summary = Atomics.load(marks, Number(constants.MARK_SUMMARY));
  const isOver = Atomics.load(marks, WORD) !== seenWord(tree, WORD) && !tree.uninjected.any();
  return isOver || (summary !== than && summary !== seenWord(tree, Number(constants.MARK_SUMMARY)))
    ? summary
    : undefined;
}

function seenWord(tree: Tree, word: number): bigint | undefined {
  if (tree.index === undefined) return undefined;
  const { seenOffset } = tree.index.header;
  return Atomics.load(new BigUint64Array(tree.index.buffer, seenOffset, word + 1), word);
}

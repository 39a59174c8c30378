/**
 * Which spawned processes run, whoever's children they are: a file for each in `run/children/`, named after the process, with the moment it
 * was started, which tells it from another process of that number. Daemons come and go; children and records stay.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isErrno, makeDirectory, namesIn, unlinkIfPresent, writeFileAtomic } from "../platform/files.js";
import { processState } from "../platform/process-state.js";

export interface ChildRecord {
  readonly pid: number;
  readonly command: readonly string[];
  readonly cwd: string;
  /** What it writes goes there. */
  readonly log: string;
  readonly startedMs: number;
}

interface Stored extends ChildRecord {
  /** proc(5) starttime: ticks since boot. */
  readonly startTime: string;
}

export class ChildRecords {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  add(record: ChildRecord): void {
    const startTime = processState(record.pid)?.startTime;
    if (startTime === undefined) return;
    makeDirectory(this.#directory);
    writeFileAtomic(this.#file(record.pid), Buffer.from(JSON.stringify({ ...record, startTime })));
  }

  remove(pid: number): void {
    unlinkIfPresent(this.#file(pid));
  }

  /** Those that run; records of others are removed. */
  running(): ChildRecord[] {
    const running: ChildRecord[] = [];
    for (const name of namesIn(this.#directory)) {
      if (!/^\d+$/.test(name)) continue;
      const stored = this.#read(Number(name));
      if (stored === undefined) continue;
      if (processState(stored.pid)?.startTime === stored.startTime) running.push(stored);
      else this.remove(stored.pid);
    }
    return running.sort((a, b) => a.startedMs - b.startedMs);
  }

  #read(pid: number): Stored | undefined {
    try {
      const stored = JSON.parse(readFileSync(this.#file(pid), "utf8")) as Stored;
      return { ...stored, pid };
    } catch (error) {
      if (!isErrno(error, "ENOENT")) this.remove(pid);
      return undefined;
    }
  }

  #file(pid: number): string {
    return join(this.#directory, String(pid));
  }
}

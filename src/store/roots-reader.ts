/**
 * Reads one list of roots while its owner goes on adding to it, and later what was added since. What is unfinished at the
 * end was acknowledged to nobody and is left alone; only the owner may cut it.
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { HASH_SIZE } from "../platform/hash.js";
import { isErrno, readFully } from "../platform/files.js";
import { RECORD_HEADER_SIZE, RECORD_PAYLOAD_MAX, scanLog } from "../platform/record-log.js";
import { statFile } from "./blobs.js";
import { NO_RECORD, checkRecord, damagedRoots, hashesIn } from "./roots.js";
import type { ContentHash } from "./store.js";
import type { Turns } from "./turns.js";

/** Holds a whole record of an ordinary list (65,536 hashes). */
const PART = (2 << 20) + 2 * RECORD_HEADER_SIZE;

/** Hashes between two looks at the clock. */
const PAUSE = 1024;

/** Of a list one after the other; the bytes are the reader's. */
export interface HashTaker {
  add(hash: ContentHash): unknown;
}

export class RootsReader {
  readonly #path: string;
  /** Open as long as we remember how far we have read: the inode's number cannot become another list's meanwhile. */
  readonly #fd: number;
  readonly #ino: bigint;
  #end = 0;
  #sequence = NO_RECORD;

  /** undefined: it is not there any more. */
  static open(path: string): RootsReader | undefined {
    try {
      return new RootsReader(
        path,
        openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK),
      );
    } catch (error) {
      if (isErrno(error, "ENOENT")) return undefined;
      throw unreadable(path, error);
    }
  }

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
    this.#ino = fstatSync(fd, { bigint: true }).ino;
  }

  /** False: removed or replaced since it was opened. */
  isCurrent(): boolean {
    return statFile(this.#path)?.ino === this.#ino;
  }

  /** Adds to `into` what was not read before. VRIFT_DAMAGED when it cannot be read. */
  async read(into: HashTaker, turns: Turns): Promise<void> {
    try {
      await this.#readOn(into, turns);
    } catch (error) {
      throw unreadable(this.#path, error);
    }
    if (this.#sequence === NO_RECORD) throw damagedRoots(this.#path, "has no beginning");
  }

  /** Hashes that were not read yet, about. */
  get more(): number {
    return Math.max(0, Math.ceil((fstatSync(this.#fd).size - this.#end) / HASH_SIZE));
  }

  close(): void {
    closeSync(this.#fd);
  }

  async #readOn(into: HashTaker, turns: Turns): Promise<void> {
    let part = PART;
    for (;;) {
      const left = fstatSync(this.#fd).size - this.#end;
      if (left <= 0) return;
      const bytes = Buffer.allocUnsafe(Math.min(left, part));
      const found = bytes.subarray(0, readFully(this.#fd, bytes, this.#end));
      const { records, end, tail } = scanLog(found);
      for (const record of records) {
        this.#sequence = checkRecord(record, this.#sequence, this.#path);
        let added = 0;
        for (const hash of hashesIn(record)) {
          into.add(hash);
          if (++added % PAUSE === 0) await turns.pause();
        }
        await turns.pause();
      }
      this.#end += end;
      if (tail === "damaged") throw damagedRoots(this.#path, `is damaged at byte ${this.#end}`);
      if (end > 0) continue;
      // Nothing whole in it: either all there is, or the beginning of a longer record.
      if (found.length === left || part > RECORD_PAYLOAD_MAX) return;
      part *= 4;
    }
  }
}

/** Too many open files says nothing about the list; everything else means that we do not know what must stay. */
function unreadable(path: string, error: unknown): unknown {
  if (isErrno(error, "EMFILE", "ENFILE", "ENOMEM", "VRIFT_DAMAGED")) return error;
  return damagedRoots(path, "cannot be read", error);
}

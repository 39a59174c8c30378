/**
 * The journal: what is acknowledged but not yet in LMDB, in files `journal.<16 hex>` named after their first sequence
 * number. One is being appended to; a commit starts the next one and, when LMDB has everything of the older ones on disk,
 * removes them. So nothing is ever cut out of a file that is being written.
 */
import { closeSync, constants, fdatasync, ftruncateSync, openSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { openNew, unlinkIfPresent, writeAll } from "../platform/files.js";
import { type RecoveredJournal, journalName } from "./journal-recovery.js";

const syncData = promisify(fdatasync);

interface Segment {
  readonly path: string;
  readonly fd: number;
  length: number;
}

export class Journal {
  readonly #directory: string;
  /** To be removed when LMDB has what they hold. */
  #older: Segment[] = [];
  #current: Segment;

  /** Goes on in a file of its own after what was recovered. */
  constructor(directory: string, recovered: RecoveredJournal) {
    this.#directory = directory;
    const next = join(directory, journalName(recovered.last + 1n));
    for (const { path, length } of recovered.files) {
      if (length === 0) unlinkIfPresent(path);
      else this.#older.push({ path, length, fd: openSync(path, constants.O_RDWR | constants.O_NOFOLLOW) });
    }
    this.#current = { path: next, length: 0, fd: openNew(next, constants.O_RDWR) };
  }

  /** Holds records LMDB may not have. */
  get isEmpty(): boolean {
    return this.#older.length === 0 && this.#current.length === 0;
  }

  /** In the page cache when it returns: survives a kill. On an error nothing of it is left. */
  append(bytes: Uint8Array): void {
    const { fd, length } = this.#current;
    try {
      writeAll(fd, bytes, length);
    } catch (error) {
      ftruncateSync(fd, length);
      throw error;
    }
    this.#current.length += bytes.length;
  }

  /** What is appended from now on goes to a new file. */
  rotate(nextSequence: bigint): void {
    if (this.#current.length === 0) return;
    const path = join(this.#directory, journalName(nextSequence));
    const fd = openNew(path, constants.O_RDWR);
    this.#older.push(this.#current);
    this.#current = { path, fd, length: 0 };
  }

  /** Everything before the last rotation is on disk. */
  async syncOlder(): Promise<void> {
    for (const { fd } of this.#older) await syncData(fd);
  }

  /** Everything that was appended is on disk. */
  async syncAll(): Promise<void> {
    await this.syncOlder();
    await syncData(this.#current.fd);
  }

  /** LMDB has everything before the last rotation. */
  removeOlder(): void {
    for (const { path, fd } of this.#older) {
      closeSync(fd);
      unlinkIfPresent(path);
    }
    this.#older = [];
  }

  close(): void {
    for (const { fd } of this.#older) closeSync(fd);
    closeSync(this.#current.fd);
    if (this.#current.length === 0) unlinkIfPresent(this.#current.path);
    this.#older = [];
  }
}

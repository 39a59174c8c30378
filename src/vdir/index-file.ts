/**
 * The index file of one workspace as its only writer has it: made beside its name, filled, published by rename, changed
 * in place, and replaced by a larger one when it is full. Which names belong in it is the caller's business; the order of
 * stores is native/index/index_writer.c's.
 */
import { closeSync, constants as fs, openSync, renameSync, truncateSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { VriftError } from "../platform/errors.js";
import { isErrno, unlinkIfPresent } from "../platform/files.js";
import { native } from "../platform/native.js";
import type { IndexCreateOptions, IndexHandle, IndexValue } from "../platform/native.js";
import { offsetsOf } from "./fields.js";
import { FillBatch } from "./fill-batch.js";
import { readHeader } from "./index-header.js";
import type { IndexHeader } from "./index-header.js";
import { IndexReader } from "./index-reader.js";
import type { IndexEntry } from "./index-reader.js";
import { constants, indexHeader } from "./layout.js";

/** A name and what is said of it. */
export type IndexName = readonly [key: string, value: IndexValue];

export interface IndexOptions extends Omit<IndexCreateOptions, "entryCapacity" | "keysSize"> {
  /** A guess; the file grows when it is wrong. */
  readonly expectedEntries?: number;
  /** Called after a larger file took the name: whoever holds `handle` or `buffer` takes them again. */
  readonly onReplaced?: (writer: IndexWriter) => void;
}

const SUPERSEDED = offsetsOf(indexHeader)("superseded");
const KEYS_SIZE = offsetsOf(indexHeader)("keys_size");
const FILE_SIZE = offsetsOf(indexHeader)("file_size");
/** Room in a new file beyond what is expected, so that a growing tree is not copied at every name. */
const SPARE_ENTRIES = 1024;
/** A full file is copied into one larger by this. */
const GROWTH = 1.5;
/** Of the pool, for each entry: keys over INLINE_KEY_SIZE bytes are a few percent of npm trees. */
const KEY_BYTES = 16;
const LONGEST_KEY = 65_536;
const U32_MAX = 0xffff_ffff;
/** Entries looked at between two turns of the event loop: some milliseconds. */
const SURVEYED = 65_536;

function newFile(path: string): string {
  return `${path}.new`;
}

export class IndexWriter {
  /** Programs rely on them until they are closed, whoever still holds them here. */
  static readonly #published = new Set<IndexWriter>();
  readonly #path: string;
  readonly #onReplaced: ((writer: IndexWriter) => void) | undefined;
  #handle: IndexHandle;
  #isBehind = false;
  /** Where the file is now: `<path>.new` until it is published. */
  #at: string;

  private constructor(path: string, at: string, handle: IndexHandle, options: IndexOptions) {
    this.#path = path;
    this.#at = at;
    this.#handle = handle;
    this.#onReplaced = options.onReplaced;
  }

  /**
   * A new file with the root directory alone, not yet under its name; programs go on with the one before. One caller at a
   * time per `path`. `distrust` is 1 until setDistrust. ENOSPC, EDQUOT.
   */
  static create(path: string, options: IndexOptions): IndexWriter {
    const at = newFile(path);
    unlinkIfPresent(at);
    const entryCapacity = (options.expectedEntries ?? 0) + SPARE_ENTRIES;
    const handle = native.indexCreate(at, { ...options, entryCapacity, keysSize: entryCapacity * KEY_BYTES });
    return new IndexWriter(path, at, handle, options);
  }

  /**
   * Takes over the file that a daemon before left under its name, when it is whole and says what the manifest of `transaction`
   * says; undefined otherwise. `distrust` is 1. Programs that map it go on with it. Reads no entry: `survey` does, before the
   * first change.
   */
  static reopen(path: string, options: IndexOptions, transaction: bigint): IndexWriter | undefined {
    const writer = IndexWriter.#takeOver(path, path, options, transaction);
    if (writer === undefined) return undefined;
    IndexWriter.#published.add(writer);
    native.indexBeat(writer.handle);
    return writer;
  }

  /** The same with a file that another thread has made by `create` and closed with `keep`; it is still to be published. */
  static takeMade(path: string, options: IndexOptions, transaction: bigint): IndexWriter | undefined {
    return IndexWriter.#takeOver(path, newFile(path), options, transaction);
  }

  static #takeOver(
    path: string,
    at: string,
    options: IndexOptions,
    transaction: bigint,
  ): IndexWriter | undefined {
    try {
      const sizes = { entryCapacity: 1, keysSize: 1 };
      const handle = native.indexReopen(at, { ...options, ...sizes }, transaction);
      return new IndexWriter(path, at, handle, options);
    } catch (error) {
      if (isErrno(error, "ENOENT", "ELOOP", "ESTALE", "EINVAL", "EBUSY", "EACCES")) return undefined;
      throw error;
    }
  }

  /** For Watcher and for readers of this process; another one after `onReplaced`. */
  get handle(): IndexHandle {
    return this.#handle;
  }

  /** The mapped file; detached after `onReplaced` and close. */
  get buffer(): ArrayBuffer {
    return native.indexBuffer(this.#handle);
  }

  get header(): IndexHeader {
    return readHeader(this.buffer);
  }

  /** It has its name, and programs map it. */
  get isPublished(): boolean {
    return this.#at === this.#path;
  }

  get entryCount(): number {
    return this.header.entryCount;
  }

  /**
   * Looks at every entry, other work of this thread between the pieces; nothing may be changed meanwhile. Told are those only the
   * kernel knows and directories that are not COMPLETE, or, with `all`, everything that is not virtual, in no order. Returns how many name content that
   * has bytes. EINVAL: damaged.
   */
  async survey(all: boolean, visit: (entry: IndexEntry) => void): Promise<number> {
    const reader = new IndexReader(this.buffer);
    const { entryCapacity } = this.header;
    let total = 0;
    for (let from = 0; from < entryCapacity; from += SURVEYED) {
      if (from > 0) await turn();
      const { numbers, naming } = native.indexSurvey(
        this.#handle,
        from,
        Math.min(from + SURVEYED, entryCapacity),
        all,
      );
      total += naming;
      for (const number of numbers) visit(reader.entry(number));
    }
    return total;
  }

  /** Puts the file under its name and starts its heartbeat. Programs that map the one before learn that it is superseded. */
  publish(): void {
    if (this.#at === this.#path) return;
    const supersede = openForSuperseding(this.#path);
    renameSync(this.#at, this.#path);
    this.#at = this.#path;
    supersede();
    IndexWriter.#published.add(this);
    native.indexBeat(this.#handle);
  }

  /** Adds many names, parents first. Errors as insert; what came before the bad one stays. */
  fill(names: Iterable<IndexName>): void {
    const batch = new FillBatch();
    for (const [key, value] of names) {
      if (!batch.add(key, value)) {
        this.flush(batch);
        batch.add(key, value);
      }
    }
    this.flush(batch);
  }

  /** Everything a new file is to have, the root's facts first: in pieces of some milliseconds, other work of this thread between them. The names must not change meanwhile. */
  async fillInTurns(names: Iterator<IndexName> & Iterable<IndexName>): Promise<void> {
    this.#root(names);
    const batch = new FillBatch();
    for (const [key, value] of names) {
      if (batch.add(key, value)) continue;
      this.flush(batch);
      await turn();
      batch.add(key, value);
    }
    this.flush(batch);
  }

  /** EEXIST; ENOENT and ENOTDIR about its directory; EINVAL, ENAMETOOLONG about the key. */
  insert(key: string, value: IndexValue): void {
    const bytes = Buffer.from(key);
    this.#growing(() => native.indexInsert(this.#handle, bytes, value));
  }

  /** ENOENT; ENOTEMPTY when a directory with entries becomes something else. */
  update(key: string, value: IndexValue): void {
    native.indexUpdate(this.#handle, this.#entryOf(key), value);
  }

  /** Adds or changes. */
  put(key: string, value: IndexValue): void {
    const entry = this.find(key);
    if (entry === undefined) this.insert(key, value);
    else native.indexUpdate(this.#handle, entry, value);
  }

  /** ENOENT; ENOTEMPTY; EBUSY for the root. */
  remove(key: string): void {
    native.indexRemove(this.#handle, this.#entryOf(key));
  }

  /**
   * Makes sure that `move` will fit, so that it cannot fail after something else was changed. ENOENT; ENAMETOOLONG when a
   * path below would be too long.
   */
  prepareMove(from: string, to: string): void {
    const entry = this.#entryOf(from);
    const room = native.indexMoveRoom(this.#handle, entry, Buffer.byteLength(to));
    if (!room.fits) this.grow(room.entries, room.keyBytes);
  }

  /**
   * A name and all below it get other keys, in place of a name with nothing below it, and `disk.from` is renamed to `disk.to`:
   * all at one moment for readers, or nothing. ENOENT, ENOTDIR, EINVAL, ENOTEMPTY, ENAMETOOLONG; what rename(2) says.
   */
  move(from: string, to: string, disk: { readonly from: string; readonly to: string }): void {
    this.prepareMove(from, to);
    native.indexMove(this.#handle, this.#entryOf(from), Buffer.from(to), disk.from, disk.to);
  }

  /** Number of the entry; it stays the same until the entry is removed, moves, or the file grows. */
  find(key: string): number | undefined {
    const entry = native.indexFind(this.#handle, Buffer.from(key));
    return entry < 0 ? undefined : entry;
  }

  /** Everything that happened before `snapshot` (Marks.snapshot) was taken is in the index. */
  publishSeen(snapshot: ArrayBuffer): void {
    native.indexPublishSeen(this.#handle, snapshot);
  }

  /** What is true of the root's mount; false: changes there are not all told (native.indexLearn). */
  learn(): boolean {
    return native.indexLearn(this.#handle);
  }

  /**
   * Entries whose mark has moved (null: all, and none is returned) are not EXACT until `settle` has looked at them again. Their
   * numbers, for `entriesAt`.
   */
  unsettle(snapshot: ArrayBuffer | null): Uint32Array {
    return native.indexUnsettle(this.#handle, snapshot);
  }

  entriesAt(numbers: Uint32Array): IndexEntry[] {
    const reader = new IndexReader(this.buffer);
    return Array.from(numbers, (number) => reader.entry(number));
  }

  /** Looks at a piece of the entries; `suspects` are the keys of those whose name is something else by now. */
  settle(
    which: { readonly from: number; readonly to: number; readonly all: boolean },
    settledBeforeNs: bigint,
  ): { suspects: string[]; left: number; oldestYoungNs: bigint } {
    const { suspects, left, oldestYoungNs } = native.indexSettle(this.#handle, which, settledBeforeNs);
    const keys = suspects.length === 0 ? [] : this.entriesAt(suspects).map(({ key }) => key);
    return { suspects: keys, left, oldestYoungNs };
  }

  /** The caller's reasons to ask the kernel first for every name; the watcher's DISTRUST_LOST stays as it is. */
  setDistrust(reasons: number): void {
    native.indexSetDistrust(this.#handle, reasons);
  }

  get distrust(): number {
    return native.indexDistrust(this.#handle);
  }

  /** Takes DISTRUST_LOST away, before a rescan: see native.indexClearLost. */
  clearLost(): boolean {
    return native.indexClearLost(this.#handle);
  }

  /** No more of it when the index has fallen behind. */
  setTransaction(sequence: bigint): void {
    if (!this.#isBehind) native.indexSetTransaction(this.#handle, sequence);
  }

  /** How many hashes the list of roots had at that transaction. */
  setHeld(hashes: number): void {
    native.indexSetHeld(this.#handle, BigInt(hashes));
  }

  /** Every change of the manifest since it was filled is in it. */
  get isCurrent(): boolean {
    return !this.#isBehind;
  }

  /** It does not say what the manifest says, and nobody mends that: the next daemon makes another one. */
  fellBehind(): void {
    this.#isBehind = true;
  }

  /**
   * Gives up `alive` and leaves the file where it is, for `takeMade`; without most of the room that was for long keys and did not
   * come to be used. The file is nobody else's yet.
   */
  keep(): void {
    const { keysOffset, keysSize, keysUsed, fileSize } = readHeader(this.buffer);
    const room = Math.min(keysSize, keysUsed + Math.max(LONGEST_KEY, keysUsed / 4));
    const size = Math.min(fileSize, Math.ceil((keysOffset + room) / 64) * 64);
    const header = new DataView(this.buffer);
    header.setBigUint64(KEYS_SIZE, BigInt(size - keysOffset), true);
    header.setBigUint64(FILE_SIZE, BigInt(size), true);
    native.indexClose(this.#handle);
    truncateSync(this.#at, size);
  }

  /** Gives up `alive`: programs ask the kernel first from now on. A published file stays, another one is removed. */
  close(): void {
    IndexWriter.#published.delete(this);
    native.indexClose(this.#handle);
    if (this.#at !== this.#path) unlinkIfPresent(this.#at);
  }

  /**
   * Copies the index into a larger file (keys of removed names are left behind) and puts it in place of this one. No change can come in between: there is one thread that makes them.
   * @param entries, keyBytes room for so many more, at least.
   */
  grow(entries = 0, keyBytes = 0): void {
    const { entryCount, entryLimit } = readHeader(this.buffer);
    // Where many names came and went only what they left is in the way, and the same size is enough.
    const enough =
      entryCount * 4 > entryLimit * 3 ? Math.ceil(entryLimit * GROWTH) + SPARE_ENTRIES : entryLimit;
    const capacity = Math.max(enough, entryCount + entries);
    // Never so little that long keys alone make a large file be copied again and again.
    const room = Math.max((capacity - entryCount) * KEY_BYTES, entryCount, LONGEST_KEY);
    const moreKeys = Math.min(Math.max(room, keyBytes), U32_MAX);
    const temporary = `${this.#path}.grow`;
    unlinkIfPresent(temporary);
    const next = native.indexGrow(this.#handle, temporary, capacity, moreKeys);
    try {
      renameSync(temporary, this.#at);
    } catch (error) {
      native.indexClose(next);
      unlinkIfPresent(temporary);
      throw error;
    }
    const previous = this.#handle;
    this.#handle = next;
    if (this.#at === this.#path) native.indexBeat(next);
    native.indexSupersede(previous);
    this.#onReplaced?.(this);
    native.indexClose(previous);
  }

  #root(names: Iterator<IndexName>): void {
    const top = names.next();
    if (top.done !== true) this.update(...top.value);
  }

  #entryOf(key: string): number {
    const entry = this.find(key);
    if (entry === undefined) throw new VriftError("ENOENT", `${key} is not in the index`);
    return entry;
  }

  /** ENOSPC of a table means: grow. That of the disk comes out of `grow` itself. */
  #growing(change: () => void): void {
    try {
      change();
    } catch (error) {
      if (!isErrno(error, "ENOSPC")) throw error;
      this.grow();
      change();
    }
  }

  /** Adds what was packed. Errors as insert. */
  flush(batch: FillBatch): void {
    let done = native.indexFill(this.#handle, batch.bytes, 0, batch.length);
    while (done < batch.length) {
      this.grow();
      const now = native.indexFill(this.#handle, batch.bytes, done, batch.length);
      if (now === done)
        throw new VriftError("ENOSPC", "an index of twice the size has no room for one more name");
      done = now;
    }
    batch.clear();
  }
}

/** Opens what has the name now, to be told after something else has it. */
function openForSuperseding(path: string): () => void {
  let fd: number;
  try {
    fd = openSync(path, fs.O_RDWR | fs.O_NOFOLLOW);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ELOOP")) return () => undefined;
    throw error;
  }
  let words: Uint32Array | undefined;
  try {
    const mapped = native.mapShared(fd, indexHeader.size, true);
    if (new DataView(mapped).getBigUint64(0, true) === constants.INDEX_MAGIC) words = new Uint32Array(mapped);
  } catch (error) {
    // Too short to be an index: nobody has it mapped as one.
    if (!isErrno(error, "EOVERFLOW")) throw error;
  } finally {
    closeSync(fd);
  }
  return () => {
    if (words !== undefined) Atomics.store(words, SUPERSEDED / 4, 1);
  };
}

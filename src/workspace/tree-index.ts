/**
 * The index file of one workspace as its only writer sees it: built from all names, changed name by name, grown into a new
 * file when it is full, trusted or not. The file format and its lock-free protocol are native/index.
 */
import { closeSync, constants as fsConstants, openSync, renameSync } from "node:fs";
import { isErrno, readFully, unlinkIfPresent, writeAll } from "../platform/files.js";
import { native } from "../platform/native.js";
import type { IndexCreateOptions, IndexHandle, IndexValue } from "../platform/native.js";
import { constants, indexHeader } from "../vdir/layout.js";

/** A name and what is said of it; parents come before children. */
export type IndexName = readonly [key: string, value: IndexValue];

export interface TreeIndexOptions extends Omit<IndexCreateOptions, "entryCapacity" | "keysSize"> {
  /** Where programs look for it. */
  readonly file: string;
}

/** Bits of `distrust` that are ours; a new file begins with the first. */
const DISTRUST_COMPARING = 1;
const DISTRUST_UNWATCHED = 2;
const LOST = Number(constants.DISTRUST_LOST) | 0;

/** Room left in a new file besides a quarter of what is in it, so that a growing tree is not copied at every name. */
const SPARE_ENTRIES = 1024;
const SPARE_KEY_BYTES = 64 * 1024;

export class TreeIndex {
  readonly #options: TreeIndexOptions;
  #handle: IndexHandle | undefined;
  #entries = 0;
  #onReplaced: (handle: IndexHandle) => void = () => undefined;

  constructor(options: TreeIndexOptions) {
    this.#options = options;
  }

  /** The mapped file; a different one after growth. */
  get handle(): IndexHandle {
    if (this.#handle === undefined) throw new Error("the index is not built");
    return this.#handle;
  }

  get built(): boolean {
    return this.#handle !== undefined;
  }

  /** Told of the new file before programs can see it. */
  set onReplaced(callback: (handle: IndexHandle) => void) {
    this.#onReplaced = callback;
  }

  /**
   * Makes the file from all names (iterated twice). It is distrusted, and nothing in it is caught up with; `prepare` may
   * change that before programs see it. A file of an earlier daemon then says that it is superseded.
   */
  build(names: () => Iterable<IndexName>, prepare: () => void): void {
    let entries = 0;
    let keyBytes = 0;
    for (const [key] of names()) {
      entries += 1;
      keyBytes += Buffer.byteLength(key);
    }
    const temporary = this.#temporary();
    this.#handle = native.indexCreate(temporary, {
      ...this.#options,
      entryCapacity: withSpare(entries, SPARE_ENTRIES),
      keysSize: withSpare(keyBytes, SPARE_KEY_BYTES),
    });
    this.#entries = entries;
    for (const [key, value] of names()) this.put(key, value);
    this.#onReplaced(this.#handle);
    prepare();
    supersedeFile(this.#options.file, () => renameSync(temporary, this.#options.file));
  }

  /** Adds or changes; its directory is there. Grows when the file is full. */
  put(key: string, value: IndexValue): void {
    const bytes = Buffer.from(key);
    const entry = native.indexFind(this.handle, bytes);
    if (entry >= 0) {
      native.indexUpdate(this.handle, entry, value);
      return;
    }
    try {
      native.indexInsert(this.handle, bytes, value);
    } catch (error) {
      if (!isErrno(error, "ENOSPC")) throw error;
      this.#grow(bytes.length);
      native.indexInsert(this.handle, bytes, value);
    }
    this.#entries += 1;
  }

  /** What is below it is removed first. An absent name is fine. */
  remove(key: string): void {
    const entry = native.indexFind(this.handle, Buffer.from(key));
    if (entry < 0) return;
    native.indexRemove(this.handle, entry);
    this.#entries -= 1;
  }

  /** What happened before `snapshot` was taken is in the index. */
  publishSeen(snapshot: ArrayBuffer): void {
    native.indexPublishSeen(this.handle, snapshot);
  }

  /**
   * Before the tree is compared again. After a loss (queue overflow, a moved directory) nothing is trusted until
   * `compared`; a loss that comes meanwhile stays set.
   */
  comparing(): void {
    if (this.#handle === undefined || !(native.indexDistrust(this.#handle) & LOST)) return;
    native.indexSetDistrust(this.#handle, DISTRUST_COMPARING);
    native.indexClearLost(this.#handle);
  }

  /** @param watched false: changes from outside are not told, so nothing is trusted. */
  compared(watched: boolean): void {
    native.indexSetDistrust(this.handle, watched ? 0 : DISTRUST_UNWATCHED);
  }

  /** Something was lost since `comparing`. */
  get lost(): boolean {
    return (native.indexDistrust(this.handle) & LOST) !== 0;
  }

  setTransaction(sequence: bigint): void {
    native.indexSetTransaction(this.handle, sequence);
  }

  beat(): void {
    if (this.#handle !== undefined) native.indexBeat(this.#handle);
  }

  /** Gives up `alive`: programs ask the kernel first from now on. The file stays. */
  close(): void {
    if (this.#handle !== undefined) native.indexClose(this.#handle);
    this.#handle = undefined;
  }

  #grow(keyBytes: number): void {
    const temporary = this.#temporary();
    const previous = this.handle;
    const capacity = withSpare(this.#entries + (this.#entries >> 1), SPARE_ENTRIES);
    const moreKeys = SPARE_KEY_BYTES + keyBytes + this.#entries * 16;
    this.#handle = native.indexGrow(previous, temporary, capacity, moreKeys);
    this.#onReplaced(this.#handle);
    renameSync(temporary, this.#options.file);
    native.indexSupersede(previous);
    native.indexClose(previous);
  }

  #temporary(): string {
    const temporary = `${this.#options.file}.new`;
    unlinkIfPresent(temporary);
    return temporary;
  }
}

function withSpare(used: number, spare: number): number {
  return used + (used >> 2) + spare;
}

/** Tells the programs that still map the file of a daemon before this one, after `replace` has put the new one in place. */
function supersedeFile(file: string, replace: () => void): void {
  let fd: number;
  try {
    fd = openSync(file, fsConstants.O_RDWR | fsConstants.O_NOFOLLOW);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ELOOP")) throw error;
    replace();
    return;
  }
  try {
    const magic = Buffer.alloc(8);
    readFully(fd, magic, 0);
    replace();
    if (magic.readBigUInt64LE() === constants.INDEX_MAGIC) writeAll(fd, SUPERSEDED, supersededOffset);
  } finally {
    closeSync(fd);
  }
}

const SUPERSEDED = Buffer.from([1, 0, 0, 0]);
const supersededOffset = indexHeader.fields.find(({ name }) => name === "superseded")!.offset;

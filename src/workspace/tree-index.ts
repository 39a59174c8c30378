/**
 * The index file of one workspace as its only writer sees it: put and remove names, grow into a new file, trust. The file
 * format and its lock-free protocol are native/index; which names belong in it is the caller's.
 */
import { closeSync, constants as fsConstants, openSync, renameSync } from "node:fs";
import { isErrno, readFully, unlinkIfPresent, writeAll } from "../platform/files.js";
import { native } from "../platform/native.js";
import type { IndexHandle, IndexValue } from "../platform/native.js";
import { constants } from "../vdir/layout.js";

/** A name and what is said of it; parents come before children. */
export type IndexName = readonly [key: string, value: IndexValue];

export interface TreeIndexOptions {
  /** Where programs look for it. */
  readonly file: string;
  readonly workspaceId: string;
  readonly kind: number;
  readonly rootPath: string;
  readonly rootDev: bigint;
  readonly rootIno: bigint;
  readonly sourcePath: string;
  readonly sourceDev: bigint;
  readonly uid: number;
  readonly gid: number;
  /** Every name there is now, for a new file; iterated twice. */
  readonly names: () => Iterable<IndexName>;
}

/** Reasons for distrust; programs ask the kernel first while any is set. */
export const DISTRUST = {
  /** Not compared with the tree yet, or comparing. */
  rebuilding: 1,
  /** No watcher tells of changes that programs outside make. */
  unwatched: 2,
} as const;

const SUPERSEDED_OFFSET = 88;
const MAGIC_SIZE = 8;
/** Room left in a new file, so that a growing tree is not rebuilt at every name. */
const SPARE_ENTRIES = 1024;
const SPARE_KEY_BYTES = 64 * 1024;
const MARK_BYTES = Number(constants.MARK_WORDS) * 8;

export class TreeIndex {
  readonly #options: TreeIndexOptions;
  #handle: IndexHandle | undefined;
  #distrust: number = DISTRUST.rebuilding;

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

  /**
   * Builds a new file from all names and puts it in place; the one before says that it is superseded. Nothing is trusted
   * until `publishSeen` and `setDistrust`, except that what was caught up with before stays so.
   */
  rebuild(): void {
    const { file, names } = this.#options;
    let entries = 0;
    let keyBytes = 0;
    for (const [key] of names()) {
      entries += 1;
      keyBytes += Buffer.byteLength(key);
    }
    const temporary = `${file}.new`;
    unlinkIfPresent(temporary);
    const next = native.indexCreate(temporary, {
      ...this.#options,
      entryCapacity: entries + (entries >> 2) + SPARE_ENTRIES,
      keysSize: keyBytes + (keyBytes >> 2) + SPARE_KEY_BYTES,
    });
    native.indexSetDistrust(next, this.#distrust);
    for (const [key, value] of names()) putInto(next, key, value);

    const previous = this.#handle;
    if (previous === undefined) {
      supersedeFile(file, () => renameSync(temporary, file));
    } else {
      native.indexPublishSeen(next, seenOf(previous));
      renameSync(temporary, file);
      native.indexSupersede(previous);
    }
    this.#handle = next;
    if (previous !== undefined) native.indexClose(previous);
  }

  /** Adds or changes; its directory is there. Grows when the file is full. */
  put(key: string, value: IndexValue): void {
    try {
      putInto(this.handle, key, value);
    } catch (error) {
      if (!isErrno(error, "ENOSPC")) throw error;
      // The names are all those of the manifest, this one included.
      this.rebuild();
    }
  }

  /** What is below it is removed first. An absent name is fine. */
  remove(key: string): void {
    const entry = native.indexFind(this.handle, Buffer.from(key));
    if (entry >= 0) native.indexRemove(this.handle, entry);
  }

  setDistrust(reason: number, on: boolean): void {
    this.#distrust = on ? this.#distrust | reason : this.#distrust & ~reason;
    native.indexSetDistrust(this.handle, this.#distrust);
  }

  get distrust(): number {
    return this.#distrust;
  }

  /** What happened before `snapshot` was taken is in the index. */
  publishSeen(snapshot: ArrayBuffer): void {
    native.indexPublishSeen(this.handle, snapshot);
  }

  setTransaction(sequence: bigint): void {
    native.indexSetTransaction(this.handle, sequence);
  }

  beat(): void {
    if (this.#handle !== undefined) native.indexBeat(this.#handle);
  }

  /** Gives up `alive`: programs ask the kernel first from now on. The file stays. */
  close(): void {
    if (this.#handle === undefined) return;
    native.indexSetDistrust(this.#handle, this.#distrust | DISTRUST.rebuilding);
    native.indexClose(this.#handle);
    this.#handle = undefined;
  }
}

function putInto(handle: IndexHandle, key: string, value: IndexValue): void {
  const bytes = Buffer.from(key);
  const entry = native.indexFind(handle, bytes);
  if (entry >= 0) native.indexUpdate(handle, entry, value);
  else native.indexInsert(handle, bytes, value);
}

/** A copy of `seen`: values that were published once, so nothing in them is in flight. */
function seenOf(handle: IndexHandle): ArrayBuffer {
  const buffer = native.indexBuffer(handle);
  const offset = Number(new DataView(buffer).getBigUint64(152, true));
  return buffer.slice(offset, offset + MARK_BYTES);
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
    const magic = Buffer.alloc(MAGIC_SIZE);
    readFully(fd, magic, 0);
    replace();
    if (magic.readBigUInt64LE() === constants.INDEX_MAGIC) writeAll(fd, Buffer.from([1, 0, 0, 0]), SUPERSEDED_OFFSET);
  } finally {
    closeSync(fd);
  }
}

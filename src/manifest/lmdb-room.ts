/**
 * Room in LMDB's file for what a commit may write, taken before LMDB writes: a full disk, a quota or a limit on the size of
 * files is then an error of ours, with nothing begun. One of LMDB's own writes that fails is another matter: lmdb-js 3.5.6 prints its
 * message into 100 bytes that do not always hold it (mdb_page_flush), and the heap may be damaged from then on.
 *
 * The file is made longer than LMDB says it is, with zeros, which LMDB does not mind: the pages after its last one are nobody's until
 * it writes them. What cannot be promised: a disk that fails, and file systems that copy on write.
 */
import { closeSync, constants, fstatSync, ftruncateSync, openSync } from "node:fs";
import { writeAll } from "../platform/files.js";
import { readLmdbMeta } from "./lmdb-file.js";
import type { Overlay } from "./overlay.js";

/** Bytes of an entry besides its name: the parent's id, the record (record-codec.ts), what LMDB needs for a node. */
const ENTRY_BYTES = 136;
/** For the list of free pages, the path to the root, and the state. */
const SPARE_PAGES = 32n;
/** What small commits take need not be taken each time. */
const KEPT = 1 << 20;
const CHUNK = Buffer.alloc(1 << 20);

export class LmdbRoom {
  readonly #path: string;
  readonly #fd: number;

  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  }

  /**
   * @returns the offset below which LMDB will stay.
   * Throws what the write says (ENOSPC, EDQUOT, EFBIG…); the file is then as long as before.
   */
  take(changes: Overlay): number {
    const { pageSize, lastPage } = readLmdbMeta(this.#path) ?? { pageSize: 4096, lastPage: 1n };
    const end = Number(lastPage + 1n + pagesFor(changes, lastPage, pageSize)) * pageSize;
    const { size } = fstatSync(this.#fd);
    try {
      for (let at = size; at < end; at += CHUNK.length)
        writeAll(this.#fd, CHUNK.subarray(0, Math.min(CHUNK.length, end - at)), at);
      // A limit may have come since the file has this length.
      writeAll(this.#fd, CHUNK.subarray(0, pageSize), end - pageSize);
    } catch (error) {
      if (fstatSync(this.#fd).size > size) ftruncateSync(this.#fd, size);
      throw error;
    }
    return end;
  }

  /** After a commit, no other one having begun: what it did not need. */
  giveBack(): void {
    const meta = readLmdbMeta(this.#path);
    if (meta === undefined) return;
    const used = Number(meta.lastPage + 1n) * meta.pageSize;
    if (fstatSync(this.#fd).size - used > KEPT) ftruncateSync(this.#fd, used + KEPT);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Every page that is there is written anew at most once, and a new one is at least half full. */
function pagesFor(changes: Overlay, lastPage: bigint, pageSize: number): bigint {
  let bytes = 0;
  for (const [, name, record] of changes) if (record !== null) bytes += ENTRY_BYTES + Buffer.byteLength(name);
  // A long one has pages of its own.
  for (const [, value] of changes.meta) bytes += pageSize + Buffer.byteLength(value);
  const entries = BigInt(changes.size + changes.meta.size);
  const leaves = (entries < lastPage ? entries : lastPage) + BigInt(Math.ceil((2 * bytes) / pageSize));
  return leaves + leaves / 16n + SPARE_PAGES;
}

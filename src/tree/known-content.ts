/**
 * Hashes of physical files that need not be read: the workspace's index has them, for exactly the stamp that the file has now. So it is with
 * what was committed (docs/commit.md).
 */
import { HASH_SIZE } from "../platform/hash.js";
import type { ScanEntry } from "../platform/scan.js";
import { IndexReader } from "../vdir/index-reader.js";
import { constants } from "../vdir/layout.js";

const WANTED = Number(constants.ENTRY_BACKED | constants.ENTRY_HASHED);
const NOT_WANTED = Number(constants.ENTRY_DIR | constants.ENTRY_SYMLINK | constants.ENTRY_KERNEL);

export class KnownContent {
  readonly #index: IndexReader | undefined;

  /** @param path of the index of an open workspace that has just been compared with its tree. One that cannot be read knows nothing. */
  constructor(path: string) {
    try {
      this.#index = IndexReader.open(path);
    } catch {
      this.#index = undefined;
    }
  }

  /** Of a regular file; undefined when it has to be read. */
  hashOf({ key, type, size, mtimeNs, ctimeNs, ino }: ScanEntry): Buffer | undefined {
    if (type !== "file" || this.#index === undefined) return undefined;
    let entry;
    try {
      entry = this.#index.lookup(key);
    } catch {
      return undefined; // its writer is busy, or gone
    }
    if (entry === undefined || (entry.flags & WANTED) !== WANTED || entry.flags & NOT_WANTED)
      return undefined;
    const isSame =
      entry.ino === ino && entry.ctimeNs === ctimeNs && entry.mtimeNs === mtimeNs && entry.size === size;
    return isSame && entry.hash.length === HASH_SIZE ? Buffer.from(entry.hash) : undefined;
  }
}

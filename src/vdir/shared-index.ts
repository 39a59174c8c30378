/**
 * ManifestGet and ManifestListDir from an index file, by whoever may read it: the daemon that writes it, or another process of the user. Trusts
 * the index as the injected library does and leaves the rest to the caller.
 */
import { closeSync, constants as fs, fstatSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { native } from "../platform/native.js";
import type { SharedIndexHandle } from "../platform/native.js";

/** Bytes of an Option<VnodeEntry> that is there; one that is not has 1. */
export const SHARED_REPLY_MAX = 55;

/** How often a file that cannot be used is looked at again. */
const REOPEN_MS = 100;

/** What answers from an index, without waiting. */
export interface IndexAnswers {
  /**
   * The entry of the path `bytes[from..to)` as it is encoded in a ManifestAck, into `out` from `at`, where SHARED_REPLY_MAX
   * bytes must be. Returns its length: 1 (absent) or SHARED_REPLY_MAX; 0: not known without asking the kernel or the writer.
   */
  getNow(bytes: Uint8Array, from: number, to: number, out: Uint8Array, at: number): number;
  /**
   * The names in the directory `bytes[from..to)` as they are encoded in a ManifestListAck, sorted, behind `head` bytes for the
   * caller; undefined: not known without asking, or over `limit` bytes.
   */
  listNow(bytes: Uint8Array, from: number, to: number, head: number, limit: number): Buffer | undefined;
}

/**
 * @param path of the index; its marks lie beside it.
 * @throws VriftError EACCES for a file of another user or open to others, VRIFT_DAMAGED for one that is no index, torn, or of
 *   a directory that has another place now; ENOENT and ELOOP (a link) as node:fs.
 */
export function openSharedIndex(path: string): SharedIndex {
  return new SharedIndex(path, openHandle(path));
}

/** Never throws: without a file that can be used nothing is known. Answers only for the thread that made it. */

export class SharedIndex implements IndexAnswers {
  readonly #path: string;
  #handle: SharedIndexHandle | undefined;
  #closed = false;
  #notBefore = 0;

  constructor(path: string, handle?: SharedIndexHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  getNow(bytes: Uint8Array, from: number, to: number, out: Uint8Array, at: number): number {
    if (this.#handle !== undefined) {
      const length = native.sharedIndexGet(this.#handle, bytes, from, to, out, at);
      if (length >= 0) return length;
    }
    if (!this.#openAgain()) return 0;
    const length = native.sharedIndexGet(this.#handle!, bytes, from, to, out, at);
    if (length < 0) this.#notBefore = performance.now() + REOPEN_MS;
    return Math.max(length, 0);
  }

  listNow(bytes: Uint8Array, from: number, to: number, head: number, limit: number): Buffer | undefined {
    const ask = (): Buffer | null | undefined =>
      native.sharedIndexList(this.#handle!, bytes, from, to, head, limit);
    let list = this.#handle === undefined ? undefined : ask();
    if (list === undefined && this.#openAgain()) {
      list = ask();
      if (list === undefined) this.#notBefore = performance.now() + REOPEN_MS;
    }
    return list ?? undefined;
  }

  /** Nothing is known any more. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  /** A larger file, or one of the next writer, may have taken the name. */
  #openAgain(): boolean {
    if (this.#closed || performance.now() < this.#notBefore) return false;
    this.#drop();
    try {
      this.#handle = openHandle(this.#path);
      return true;
    } catch {
      // No index that can be used: the caller asks somebody who says what is wrong.
      this.#notBefore = performance.now() + REOPEN_MS;
      return false;
    }
  }

  #drop(): void {
    if (this.#handle !== undefined) native.sharedIndexClose(this.#handle);
    this.#handle = undefined;
  }
}

function openHandle(path: string): SharedIndexHandle {
  const index = openPrivate(path);
  try {
    const marks = openPrivate(join(dirname(path), "marks"));
    try {
      return native.sharedIndexOpen(index, marks);
    } catch (error) {
      if (!isErrno(error, "EBADMSG", "ESTALE")) throw error;
      const why = isErrno(error, "ESTALE") ? "its directory has another place now" : "it is torn or no index";
      throw new VriftError("VRIFT_DAMAGED", `not a usable index file: ${path}: ${why}`, { cause: error });
    } finally {
      closeSync(marks);
    }
  } finally {
    closeSync(index);
  }
}

/** Read-only, and not waiting for the writer of a FIFO. */
function openPrivate(path: string): number {
  const fd = openSync(path, fs.O_RDONLY | fs.O_NOFOLLOW | fs.O_NONBLOCK);
  const status = fstatSync(fd);
  if (status.isFile() && status.uid === process.getuid!() && (status.mode & 0o7777) === 0o600) return fd;
  closeSync(fd);
  throw new VriftError("EACCES", `${path} is not a private file of this user`);
}

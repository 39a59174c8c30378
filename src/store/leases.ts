/**
 * Leases: what work in progress needs, before any root names it. A file in `leases/`, 32 bytes a hash, held with flock
 * by its process for life. A lock that can be taken is a dead process's: its lease is ignored and removed.
 */
import { closeSync, constants, fstatSync, openSync, readdirSync, unlinkSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { isErrno, openNew, readFully, unlinkIfPresent, writeAll } from "../platform/files.js";
import { HASH_SIZE } from "../platform/hash.js";
import { native } from "../platform/native.js";
import { HashSet } from "./hash-set.js";
import type { ContentHash, ContentHashes, Lease } from "./store.js";

const LOCK_EX = 2;
const LOCK_NB = 4;

let leaseCounter = 0;

export function openLease(directory: string): Lease {
  const { fd, path } = createLocked(directory);
  let added = new HashSet();
  let open = true;
  return {
    add(hash: ContentHash): void {
      if (!open) throw new Error("lease is released");
      if (added.has(hash)) return;
      writeAll(fd, hash);
      added.add(hash);
    },
    hashes: () => Buffer.concat([...added]),
    release(): void {
      if (!open) return;
      open = false;
      added = new HashSet();
      try {
        unlinkIfPresent(path);
      } catch {
        // Without its lock it is nobody's, and whoever reads leases next removes it. The work it was for is done.
      } finally {
        closeSync(fd);
      }
    },
  };
}

/** Between the file's making and its lock a reader may take it for a dead one and remove it: then once more. */
function createLocked(directory: string): { fd: number; path: string } {
  for (;;) {
    const path = join(directory, `${process.pid}.${++leaseCounter}.${randomBytes(6).toString("hex")}`);
    const fd = openNew(path, constants.O_WRONLY | constants.O_APPEND);
    native.flock(fd, LOCK_EX);
    if (fstatSync(fd).nlink > 0) return { fd, path };
    closeSync(fd);
  }
}

/** What live processes hold leases on, read again and again: of a lease that is known only what was added to it. */
export class LeaseReader {
  readonly #directory: string;
  /** Only grows: what was leased when this began is kept this time. */
  readonly #hashes = new HashSet();
  /** Bytes read. A name is never used twice. */
  #read = new Map<string, number>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  get hashes(): ContentHashes {
    return this.#hashes;
  }

  /** Removes the leases of dead processes. */
  refresh(): void {
    const read = new Map<string, number>();
    for (const name of readdirSync(this.#directory)) {
      const end = readLease(join(this.#directory, name), this.#read.get(name) ?? 0, this.#hashes);
      if (end !== undefined) read.set(name, end);
    }
    this.#read = read;
  }
}

/** From byte `from` on; returns where it has come to. undefined: nobody holds it any more. */
function readLease(path: string, from: number, into: HashSet): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
  try {
    if (native.flock(fd, LOCK_EX | LOCK_NB)) {
      if (fstatSync(fd).nlink > 0) unlinkSync(path);
      return undefined;
    }
    const bytes = Buffer.allocUnsafe(Math.max(0, fstatSync(fd).size - from));
    const count = readFully(fd, bytes, from);
    let at = 0;
    for (; at + HASH_SIZE <= count; at += HASH_SIZE) into.add(bytes.subarray(at, at + HASH_SIZE));
    return from + at;
  } finally {
    closeSync(fd);
  }
}

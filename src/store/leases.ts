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
    release(): void {
      if (!open) return;
      open = false;
      added = new HashSet();
      unlinkIfPresent(path);
      closeSync(fd);
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

export function readLeases(directory: string): ContentHashes {
  const hashes = new HashSet();
  for (const name of readdirSync(directory)) readLease(join(directory, name), hashes);
  return hashes;
}

function readLease(path: string, into: HashSet): void {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    throw error;
  }
  try {
    if (native.flock(fd, LOCK_EX | LOCK_NB)) {
      if (fstatSync(fd).nlink > 0) unlinkSync(path);
      return;
    }
    const bytes = Buffer.allocUnsafe(fstatSync(fd).size);
    const count = readFully(fd, bytes, 0);
    for (let at = 0; at + HASH_SIZE <= count; at += HASH_SIZE) into.add(bytes.subarray(at, at + HASH_SIZE));
  } finally {
    closeSync(fd);
  }
}

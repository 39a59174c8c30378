/**
 * Every name in the store, built and parsed here.
 *
 *   blake3/ab/<64 hex>_<size>.bin        a blob; `ab` are the first two digits (one level: two cost 40 times the space)
 *   empty                                the content of every empty file
 *   roots/<name>                         what a workspace or snapshot needs
 *   leases/<pid>.<n>.<random>            what work in progress needs, flock'd by its process
 *   trash/ab/<64 hex>_<size>.bin         swept, deleted after the grace period, restored by a lookup
 *   trash/<blob name>.<ms>.<pid>.<n>.bad quarantined: not the content its name says; never restored
 *   trash/stray-<ms>.<pid>.<n>.bad       found among the blobs, and none
 *   sweep.lock                           flock'd by the one sweep that runs
 *   verify.lock, verify.state            flock'd by the one verification that runs; what an interrupted one has done
 *   incoming/.*.tmp                      being written, flock'd, where O_TMPFILE is not to be had
 */
import { join } from "node:path";
import { hashFromHex, hashToHex } from "../platform/hash.js";
import type { BlobId } from "./store.js";

export interface StoreLayout {
  readonly path: string;
  readonly blobs: string;
  readonly empty: string;
  readonly roots: string;
  readonly leases: string;
  readonly trash: string;
  readonly incoming: string;
  readonly sweepLock: string;
  readonly verifyLock: string;
  readonly verifyState: string;
}

export function storeLayout(path: string): StoreLayout {
  return {
    path,
    blobs: join(path, "blake3"),
    empty: join(path, "empty"),
    roots: join(path, "roots"),
    leases: join(path, "leases"),
    trash: join(path, "trash"),
    incoming: join(path, "incoming"),
    sweepLock: join(path, "sweep.lock"),
    verifyLock: join(path, "verify.lock"),
    verifyState: join(path, "verify.state"),
  };
}

export function blobName(id: BlobId): string {
  return `${hashToHex(id.hash)}_${id.size}.bin`;
}

const BLOB_NAME = /^([0-9a-f]{64})_(0|[1-9][0-9]{0,18})\.bin$/;

export function isBlobName(name: string): boolean {
  return BLOB_NAME.test(name);
}

/** undefined for names that are not a blob's. */
export function parseBlobName(name: string): BlobId | undefined {
  const match = BLOB_NAME.exec(name);
  const hash = match ? hashFromHex(match[1]!) : undefined;
  return hash ? { hash, size: BigInt(match![2]!) } : undefined;
}

/** Name of the directory below `blake3/` that holds a blob. */
export function blobShard(hash: Uint8Array): string {
  return hashToHex(hash.subarray(0, 1));
}

export function blobDirectory(layout: StoreLayout, id: BlobId): string {
  return join(layout.blobs, blobShard(id.hash));
}

export function blobFile(layout: StoreLayout, id: BlobId): string {
  if (id.size === 0n) return layout.empty;
  // Not `join`, which takes as long as the lookup itself: this is asked for each file of a tree.
  const hash = hashToHex(id.hash);
  return `${layout.blobs}/${hash.slice(0, 2)}/${hash}_${id.size}.bin`;
}

/** Where a sweep keeps it: in directories as small as those of the blobs, because every lookup that misses looks here. */
export function sweptDirectory(layout: StoreLayout, id: BlobId): string {
  return join(layout.trash, blobShard(id.hash));
}

export function sweptFile(layout: StoreLayout, id: BlobId): string {
  return join(sweptDirectory(layout, id), blobName(id));
}

/** Names of the directories below `blake3/` and `trash/`. */
export function isShardName(name: string): boolean {
  return /^[0-9a-f]{2}$/.test(name);
}

let quarantineCounter = 0;

export function quarantineFile(layout: StoreLayout, id: BlobId): string {
  return join(layout.trash, `${blobName(id)}.${Date.now()}.${process.pid}.${++quarantineCounter}.bad`);
}

/** For what lies among the blobs and is none. */
export function strayFile(layout: StoreLayout): string {
  return join(layout.trash, `stray-${Date.now()}.${process.pid}.${++quarantineCounter}.bad`);
}

/**
 * Whatever lies in `roots/` holds content, also under a name we would not give (a list somebody put back from a backup),
 * but not one that is being written: it takes its real name before anybody relies on it.
 */
export function holdsContent(name: string): boolean {
  return !/^\..*\.\d+\.\d+\.tmp$/.test(name);
}

/** Names of roots: a workspace id or the name of a snapshot. */
export function isRootsName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,64}$/.test(name) && !name.startsWith(".");
}

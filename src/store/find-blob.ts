/**
 * A blob by its hash alone, for CasGet. Its name ends in its size, so a directory has to be searched; at 1,000,000 blobs
 * one has 4,000 names and listing it takes 2.5 ms. So what a listing showed is remembered:
 *
 *   - a name that is remembered is looked at: the kernel says whether it is (still) there;
 *   - one that is not is absent only if the directory has not changed since it was listed. Its mtime tells, unless it was
 *     so young when the listing began that a change within the same tick of the clock would not have moved it.
 *
 * 16 bytes a name: a number of 32 bits of the hash and the position of its size; what is equal by chance the look sorts out.
 */
import type { BigIntStats } from "node:fs";
import { namesIn } from "../platform/files.js";
import { hashToHex } from "../platform/hash.js";
import { type StoreLayout, blobDirectory, isBlobName, sweptDirectory } from "./blob-names.js";
import { statFile } from "./blobs.js";
import type { BlobId, ContentHash } from "./store.js";

/** Names remembered: 16 MiB. Beyond it the directories listed longest ago are forgotten. */
const NAMES_MAX = 1 << 20;
/** Blobs put in or looked at one by one, which need no listing. */
const NOTED_MAX = 4096;
/** As for files (file-stamp.ts): a change within one tick of the kernel's clock leaves the mtime as it is. */
const RACY_MS = 20;

export class BlobFinder {
  readonly #layout: StoreLayout;
  /** Whether the blob is there, of its size; it comes back from the trash by that. */
  readonly #isThere: (id: BlobId) => boolean;
  readonly #listings = new Map<string, Listing>();
  readonly #noted = new Map<string, bigint>();
  #names = 0;

  constructor(layout: StoreLayout, isThere: (id: BlobId) => boolean) {
    this.#layout = layout;
    this.#isThere = isThere;
  }

  /** Somebody has said its size. */
  note({ hash, size }: BlobId): void {
    this.#noted.set(hashToHex(hash), size);
    if (this.#noted.size <= NOTED_MAX) return;
    const [oldest] = this.#noted.keys();
    this.#noted.delete(oldest!);
  }

  find(hash: ContentHash): BlobId | undefined {
    const size = this.#noted.get(hashToHex(hash));
    if (size !== undefined && this.#isThere({ hash, size })) return { hash, size };
    const id = { hash, size: 0n };
    return (
      this.#findIn(blobDirectory(this.#layout, id), hash) ??
      this.#findIn(sweptDirectory(this.#layout, id), hash) ??
      // A sweep may have put it back between the two.
      this.#findIn(blobDirectory(this.#layout, id), hash)
    );
  }

  #findIn(directory: string, hash: ContentHash): BlobId | undefined {
    const known = this.#listings.get(directory);
    const found = known && this.#look(known, hash);
    if (found || known?.holds(statFile(directory)) === true) return found;
    return this.#look(this.#list(directory), hash);
  }

  #look(listing: Listing, hash: ContentHash): BlobId | undefined {
    for (const size of listing.sizesOf(hash)) {
      const id = { hash, size };
      if (this.#isThere(id)) return id;
    }
    return undefined;
  }

  #list(directory: string): Listing {
    this.#names -= this.#listings.get(directory)?.count ?? 0;
    this.#listings.delete(directory); // the newest is the last
    const listing = Listing.of(directory);
    this.#listings.set(directory, listing);
    this.#names += listing.count;
    for (const [oldest, { count }] of this.#listings) {
      if (this.#names <= NAMES_MAX || oldest === directory) break;
      this.#listings.delete(oldest);
      this.#names -= count;
    }
    return listing;
  }
}

/** Ordinals in one packed number: 2^52 / 2^32. */
const ORDINALS = 1 << 20;

class Listing {
  /** Sorted: 32 bits of the hash x ORDINALS + position in `sizes`. Exact in a double. */
  readonly #packed: Float64Array;
  readonly #sizes: BigUint64Array;
  /** undefined: it cannot tell what is absent. */
  readonly #mtimeNs: bigint | undefined;

  static of(directory: string): Listing {
    const startNs = BigInt(Date.now()) * 1_000_000n;
    const before = statFile(directory);
    const names = namesIn(directory).filter(isBlobName);
    const settled = before === undefined || startNs - before.mtimeNs >= BigInt(RACY_MS) * 1_000_000n;
    return new Listing(names, settled && names.length <= ORDINALS ? (before?.mtimeNs ?? ABSENT) : undefined);
  }

  private constructor(names: readonly string[], mtimeNs: bigint | undefined) {
    const count = Math.min(names.length, ORDINALS);
    this.#packed = new Float64Array(count);
    this.#sizes = new BigUint64Array(count);
    for (let i = 0; i < count; i++) {
      const name = names[i]!;
      this.#packed[i] = parseInt(name.slice(2, 10), 16) * ORDINALS + i;
      this.#sizes[i] = BigInt(name.slice(65, -4));
    }
    this.#packed.sort();
    this.#mtimeNs = mtimeNs;
  }

  get count(): number {
    return this.#packed.length;
  }

  /** Is it all there is, now that the directory's stat is this? */
  holds(now: BigIntStats | undefined): boolean {
    return this.#mtimeNs === (now?.mtimeNs ?? ABSENT);
  }

  *sizesOf(hash: ContentHash): Generator<bigint> {
    const first = wordOf(hash) * ORDINALS;
    let low = 0;
    for (let high = this.#packed.length; low < high;) {
      const middle = (low + high) >>> 1;
      if (this.#packed[middle]! < first) low = middle + 1;
      else high = middle;
    }
    for (; low < this.#packed.length && this.#packed[low]! < first + ORDINALS; low++)
      yield this.#sizes[this.#packed[low]! - first]!;
  }
}

/** In place of the mtime of a directory that is not there. */
const ABSENT = -1n;

/** Digits 3 to 10 of the name as a number; the first two are the directory's. */
function wordOf(hash: ContentHash): number {
  return ((hash[1]! << 24) | (hash[2]! << 16) | (hash[3]! << 8) | hash[4]!) >>> 0;
}

/**
 * A set of content hashes outside the JavaScript heap: 32 bytes a slot, open addressing, at most 5/8 full. Whole hashes
 * are compared: a prefix could be forged, and a hash wrongly taken for a root's would let a blob be swept.
 */
import { HASH_SIZE } from "../platform/hash.js";
import type { ContentHash, ContentHashes } from "./store.js";

const FIRST_CAPACITY = 64;

export class HashSet implements ContentHashes {
  #capacity = FIRST_CAPACITY;
  #slots = Buffer.alloc(FIRST_CAPACITY * HASH_SIZE);
  /** The slot value 0 means "empty"; the hash that is all zeros is kept apart. */
  #hasZero = false;
  #used = 0;

  get size(): number {
    return this.#used + (this.#hasZero ? 1 : 0);
  }

  has(hash: ContentHash): boolean {
    if (isZero(hash, 0)) return this.#hasZero;
    return this.#holds(this.#slotOf(hash));
  }

  /** False when it was in it already. */
  add(hash: ContentHash): boolean {
    if (hash.length !== HASH_SIZE) throw new RangeError(`hash of ${hash.length} bytes`);
    if (isZero(hash, 0)) {
      const added = !this.#hasZero;
      this.#hasZero = true;
      return added;
    }
    if ((this.#used + 1) * 8 > this.#capacity * 5) this.#grow(this.#capacity * 2);
    const slot = this.#slotOf(hash);
    if (this.#holds(slot)) return false;
    this.#slots.set(hash, slot * HASH_SIZE);
    this.#used++;
    return true;
  }

  /** `placeOf` is below it. */
  get places(): number {
    return this.#capacity + 1;
  }

  /** For tables beside it: where the hash is, until the next `add`; -1 when it is not in it. */
  placeOf(hash: ContentHash): number {
    if (isZero(hash, 0)) return this.#hasZero ? this.#capacity : -1;
    const slot = this.#slotOf(hash);
    return this.#holds(slot) ? slot : -1;
  }

  /** Makes room for `count` hashes at once: growing step by step would move a million of them in one stretch. */
  reserve(count: number): void {
    let capacity = this.#capacity;
    while (count * 8 > capacity * 5) capacity *= 2;
    if (capacity > this.#capacity) this.#grow(capacity);
  }

  /** Views that stay valid until the next add. */
  *[Symbol.iterator](): Iterator<Uint8Array> {
    if (this.#hasZero) yield new Uint8Array(HASH_SIZE);
    const slots = this.#slots;
    for (let at = 0; at < slots.length; at += HASH_SIZE) {
      if (!isZero(slots, at)) yield slots.subarray(at, at + HASH_SIZE);
    }
  }

  /** The slot that holds `hash`, or the empty one where it belongs. Hashes are uniform: their first bytes index. */
  #slotOf(hash: ContentHash): number {
    const mask = this.#capacity - 1;
    let slot = (hash[0]! | (hash[1]! << 8) | (hash[2]! << 16) | (hash[3]! << 24)) & mask;
    const slots = this.#slots;
    for (; this.#holds(slot); slot = (slot + 1) & mask) {
      const at = slot * HASH_SIZE;
      let same = 0;
      while (same < HASH_SIZE && slots[at + same] === hash[same]) same++;
      if (same === HASH_SIZE) break;
    }
    return slot;
  }

  #holds(slot: number): boolean {
    return !isZero(this.#slots, slot * HASH_SIZE);
  }

  #grow(capacity: number): void {
    const old = this.#slots;
    this.#capacity = capacity;
    this.#slots = Buffer.alloc(this.#capacity * HASH_SIZE);
    for (let at = 0; at < old.length; at += HASH_SIZE) {
      if (isZero(old, at)) continue;
      const hash = old.subarray(at, at + HASH_SIZE);
      this.#slots.set(hash, this.#slotOf(hash) * HASH_SIZE);
    }
  }
}

function isZero(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < HASH_SIZE; i++) if (bytes[at + i] !== 0) return false;
  return true;
}

/**
 * The Bloom filter of CasSweep: which hashes the caller still needs (docs/protocol.md, "CasSweep"). m = 8 x length bits;
 * eight positions per hash, the i-th its little-endian u32 at byte 4i, mod m; bit b is `1 << (b & 7)` of byte `b >> 3`.
 * A BLAKE3 hash is uniform, so that its own words are the hash functions.
 */
import { VriftError } from "../platform/errors.js";
import { FRAME_MAX } from "../platform/limits.js";

const HASH_SIZE = 32;
const POSITIONS = 8;
/** Tag and length of the message before the filter's bytes. */
const MESSAGE_HEAD = 4 + 8;
/** The longest filter that a frame holds. */
export const SWEEP_FILTER_MAX = FRAME_MAX - MESSAGE_HEAD;
/** With eight positions 1 hash in 1,700 that is not in the filter is taken for one that is. */
const BITS_PER_HASH = 16;

export interface SweepFilter {
  /** False: certainly not one of those the filter was built from. */
  has(hash: Uint8Array): boolean;
}

/**
 * The filter that names all of `hashes` (32 bytes each): ceil(count x bitsPerHash / 8) bytes, empty for no hash, and never
 * longer than a frame holds (beyond 8.3 million hashes more others pass for named). What it names by chance is only kept.
 * @throws VriftError EINVAL for a hash that is not 32 bytes, or bitsPerHash not a number of at least 1.
 */
export function buildSweepFilter(hashes: Iterable<Uint8Array>, bitsPerHash = BITS_PER_HASH): Uint8Array {
  if (!(bitsPerHash >= 1) || !Number.isFinite(bitsPerHash))
    throw new VriftError("EINVAL", `bitsPerHash is ${bitsPerHash}, not a number of at least 1`);
  const needed = [...hashes];
  const length = Math.min(Math.ceil((needed.length * bitsPerHash) / 8), SWEEP_FILTER_MAX);
  const filter = new Uint8Array(length);
  for (const hash of needed) {
    if (hash.length !== HASH_SIZE)
      throw new VriftError("EINVAL", `a content hash has ${HASH_SIZE} bytes, not ${hash.length}`);
    for (let i = 0; i < POSITIONS; i++) {
      const bit = positionOf(hash, i, length * 8);
      filter[bit >> 3]! |= 1 << (bit & 7);
    }
  }
  return filter;
}

/** A filter as it came over the wire; an empty one names nothing. */
export function readSweepFilter(filter: Uint8Array): SweepFilter {
  const bits = filter.length * 8;
  return {
    has(hash) {
      if (bits === 0) return false;
      for (let i = 0; i < POSITIONS; i++) {
        const bit = positionOf(hash, i, bits);
        if ((filter[bit >> 3]! & (1 << (bit & 7))) === 0) return false;
      }
      return true;
    },
  };
}

function positionOf(hash: Uint8Array, i: number, bits: number): number {
  const at = i * 4;
  return ((hash[at]! | (hash[at + 1]! << 8) | (hash[at + 2]! << 16) | (hash[at + 3]! << 24)) >>> 0) % bits;
}

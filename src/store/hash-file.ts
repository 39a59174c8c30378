/** BLAKE3 of an open file. */
import { readSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { readFully } from "../platform/files.js";
import { ContentHasher, hashBytes } from "../platform/hash.js";

/** Large enough that the system call does not show, small enough to stay in the cache. */
export const CHUNK_SIZE = 1 << 20;
/** The event loop gets a turn after so many bytes (about 20 ms of hashing). */
const TURN_BYTES = 32 << 20;

/** Filled and consumed between two awaits, so one serves every caller of the thread. */
const chunk = Buffer.allocUnsafeSlow(CHUNK_SIZE);

export interface HashedBytes {
  readonly hash: Buffer;
  /** Bytes read until the end of the file. */
  readonly size: bigint;
}

/**
 * The whole content of a file that is shorter than CHUNK_SIZE, with one read; valid until the next await. undefined: it has
 * another length.
 */
export function readShort(fd: number, size: bigint): Buffer | undefined {
  if (size >= BigInt(CHUNK_SIZE)) return undefined;
  // One byte more than it should have, so that a short read says that it ends there.
  const count = readSync(fd, chunk, 0, Number(size) + 1, 0);
  return count === Number(size) ? chunk.subarray(0, count) : undefined;
}

/** Reads from the start to the end, wherever the descriptor's offset is; `each` sees every chunk (not kept). */
export async function hashFile(
  fd: number,
  each?: (bytes: Buffer, position: number) => void,
): Promise<HashedBytes> {
  const first = readFully(fd, chunk, 0);
  const head = chunk.subarray(0, first);
  if (first < CHUNK_SIZE) {
    each?.(head, 0);
    return { hash: hashBytes(head), size: BigInt(first) };
  }
  const hasher = new ContentHasher();
  hasher.update(head);
  each?.(head, 0);
  let position = first;
  let turn = TURN_BYTES;
  for (;;) {
    const count = readFully(fd, chunk, position);
    const bytes = chunk.subarray(0, count);
    hasher.update(bytes);
    each?.(bytes, position);
    position += count;
    if (count < CHUNK_SIZE) return { hash: hasher.digest(), size: BigInt(position) };
    if (position >= turn) {
      turn = position + TURN_BYTES;
      await nextTurn();
    }
  }
}

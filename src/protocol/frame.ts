/** Frames: u32 little-endian length, then that many bytes of payload (specification, section 2). */
import { VriftError } from "../platform/errors.js";
import { FRAME_MAX } from "../platform/limits.js";

const HEADER_SIZE = 4;

/** Header and payload in one buffer. @throws VriftError EMSGSIZE over FRAME_MAX. */
export function encodeFrame(payload: Uint8Array): Buffer {
  checkLength(payload.length);
  const frame = Buffer.allocUnsafe(HEADER_SIZE + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  frame.set(payload, HEADER_SIZE);
  return frame;
}

/**
 * Chunks in, payloads out. Call `next` until it gives undefined after every `push`, so that a length over FRAME_MAX is
 * found before anything of that frame is gathered. A payload is a view; its bytes are never overwritten by the reader.
 */
export class FrameReader {
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  /** `#buffer` was made here and may be written behind `#end`. */
  #owned = false;
  #refused: VriftError | undefined;

  /** Takes a chunk as it came from the stream; the caller does not write to it afterwards. */
  push(chunk: Buffer): void {
    if (this.#refused !== undefined) return;
    if (this.#start === this.#end) {
      this.#buffer = chunk;
      this.#owned = false;
      this.#start = 0;
      this.#end = chunk.length;
      return;
    }
    if (!this.#owned || this.#buffer.length - this.#end < chunk.length) this.#grow(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /**
   * The next payload, or undefined when it is not there yet. Frames before a refused one are given first.
   * @throws VriftError EMSGSIZE, now and at every later call: the stream cannot be followed any more.
   */
  next(): Buffer | undefined {
    if (this.#refused !== undefined) throw this.#refused;
    const pending = this.#end - this.#start;
    if (pending < HEADER_SIZE) return undefined;
    const length = this.#buffer.readUInt32LE(this.#start);
    try {
      checkLength(length);
    } catch (error) {
      this.#refused = error as VriftError;
      this.#buffer = Buffer.alloc(0);
      throw error;
    }
    if (pending < HEADER_SIZE + length) return undefined;
    const from = this.#start + HEADER_SIZE;
    this.#start = from + length;
    return this.#buffer.subarray(from, this.#start);
  }

  /** True when a frame has begun and is not complete: the stream must not end here. */
  get partial(): boolean {
    return this.#end > this.#start;
  }

  /** Doubling, so that a frame that comes byte by byte is copied a constant number of times. */
  #grow(more: number): void {
    const pending = this.#end - this.#start;
    const grown = Buffer.allocUnsafeSlow(2 * (pending + more));
    this.#buffer.copy(grown, 0, this.#start, this.#end);
    this.#buffer = grown;
    this.#owned = true;
    this.#start = 0;
    this.#end = pending;
  }
}

function checkLength(length: number): void {
  if (length > FRAME_MAX)
    throw new VriftError("EMSGSIZE", `a frame of ${length} bytes is over the limit of ${FRAME_MAX}`);
}

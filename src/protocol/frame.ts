/** Frames: u32 little-endian length, then that many bytes of payload (specification, section 2). */
import { VriftError } from "../platform/errors.js";
import { FRAME_MAX } from "../platform/limits.js";
import { ByteQueue } from "./byte-queue.js";

const HEADER_SIZE = 4;

/** Header and payload in one buffer. @throws VriftError EMSGSIZE over FRAME_MAX. */
export function encodeFrame(payload: Uint8Array): Buffer {
  if (payload.length > FRAME_MAX) throw tooLong(payload.length);
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
  readonly #bytes = new ByteQueue();
  #refused: VriftError | undefined;

  /** Takes a chunk as it came from the stream; the caller does not write to it afterwards. */
  push(chunk: Buffer): void {
    if (this.#refused === undefined) this.#bytes.append(chunk);
  }

  /**
   * The next payload, or undefined when it is not there yet. Frames before a refused one are given first.
   * @throws VriftError EMSGSIZE, now and at every later call: the stream cannot be followed any more.
   */
  next(): Buffer | undefined {
    if (this.#refused !== undefined) throw this.#refused;
    if (this.#bytes.length < HEADER_SIZE) return undefined;
    const length = this.#bytes.readUInt32LE(0);
    if (length > FRAME_MAX) {
      this.#bytes.clear();
      this.#refused = tooLong(length);
      throw this.#refused;
    }
    if (this.#bytes.length < HEADER_SIZE + length) return undefined;
    this.#bytes.skip(HEADER_SIZE);
    return this.#bytes.take(length);
  }

  /** Bytes that were pushed and not given out. */
  get buffered(): number {
    return this.#bytes.length;
  }

  /** Takes them away, unread. */
  rest(): Buffer {
    return this.#bytes.take(this.#bytes.length);
  }

  /** True when a frame has begun and is not complete: the stream must not end here. */
  get partial(): boolean {
    return this.#bytes.length > 0;
  }
}

function tooLong(length: number): VriftError {
  return new VriftError("EMSGSIZE", `a frame of ${length} bytes is over the limit of ${FRAME_MAX}`);
}

const EMPTY = Buffer.alloc(0);

/**
 * Bytes of a stream that are not consumed yet, in one piece. Chunks are copied only when something of an earlier one is
 * left, and by doubling, so that a message that comes byte by byte is copied a constant number of times. Bytes once
 * given out are never overwritten. An empty queue holds on to nothing.
 */
export class ByteQueue {
  #buffer: Buffer = EMPTY;
  #start = 0;
  #end = 0;
  /** `#buffer` was made here and may be written behind `#end`. */
  #owned = false;

  get length(): number {
    return this.#end - this.#start;
  }

  /** The caller does not write to `chunk` afterwards. */
  append(chunk: Buffer): void {
    if (this.length === 0) {
      this.#adopt(chunk, chunk.length);
      this.#owned = false;
      return;
    }
    if (!this.#owned || this.#buffer.length - this.#end < chunk.length) this.#grow(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** `offset` counts from the first byte that is left, here and below. Four bytes must be there. */
  readUInt32LE(offset: number): number {
    return this.#buffer.readUInt32LE(this.#start + offset);
  }

  /** Offset of the first `byte` at or after `from`, or -1. */
  indexOf(byte: number, from: number): number {
    return this.#buffer.subarray(this.#start, this.#end).indexOf(byte, from);
  }

  /** Consumes `length` bytes, which must be there, and gives a view of them. */
  take(length: number): Buffer {
    const taken = this.#buffer.subarray(this.#start, this.#start + length);
    this.skip(length);
    return taken;
  }

  /** Consumes `length` bytes, which must be there. */
  skip(length: number): void {
    this.#start += length;
    if (this.#start === this.#end) this.clear();
  }

  clear(): void {
    this.#adopt(EMPTY, 0);
    this.#owned = false;
  }

  #grow(more: number): void {
    const { length } = this;
    const grown = Buffer.allocUnsafeSlow(2 * (length + more));
    this.#buffer.copy(grown, 0, this.#start, this.#end);
    this.#adopt(grown, length);
    this.#owned = true;
  }

  #adopt(buffer: Buffer, length: number): void {
    this.#buffer = buffer;
    this.#start = 0;
    this.#end = length;
  }
}

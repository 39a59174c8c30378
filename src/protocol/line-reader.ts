/** Lines ending in "\n", for the control socket. */
import { VriftError } from "../platform/errors.js";
import { CONTROL_LINE_MAX } from "../platform/limits.js";
import { ByteQueue } from "./byte-queue.js";

const NEWLINE = 0x0a;

/** Chunks in, lines out, without their newline. Call `next` until it gives undefined after every `push`. */
export class LineReader {
  readonly #bytes = new ByteQueue();
  /** No newline before this offset. */
  #searched = 0;
  #refused: VriftError | undefined;

  /** Takes a chunk as it came from the stream; the caller does not write to it afterwards. */
  push(chunk: Buffer): void {
    if (this.#refused === undefined) this.#bytes.append(chunk);
  }

  /** @throws VriftError EMSGSIZE at a line over CONTROL_LINE_MAX bytes, now and at every later call. */
  next(): string | undefined {
    if (this.#refused !== undefined) throw this.#refused;
    const end = this.#bytes.indexOf(NEWLINE, this.#searched);
    if ((end < 0 ? this.#bytes.length : end) > CONTROL_LINE_MAX) {
      this.#bytes.clear();
      this.#refused = new VriftError("EMSGSIZE", `a line is over the limit of ${CONTROL_LINE_MAX} bytes`);
      throw this.#refused;
    }
    this.#searched = end < 0 ? this.#bytes.length : 0;
    if (end < 0) return undefined;
    const line = this.#bytes.take(end).toString("utf8");
    this.#bytes.skip(1);
    return line;
  }

  /** Bytes that were pushed and not given out. */
  get buffered(): number {
    return this.#bytes.length;
  }

  /** Takes them away, unread. */
  rest(): Buffer {
    this.#searched = 0;
    return this.#bytes.take(this.#bytes.length);
  }

  /** True when a line has begun and is not complete: the stream must not end here. */
  get partial(): boolean {
    return this.#bytes.length > 0;
  }
}

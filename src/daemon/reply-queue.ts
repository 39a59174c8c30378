/** The replies of one connection: they go out in the order of their requests, whatever order they come in. */
import { REPLY_BATCH } from "../platform/limits.js";

/** The place of a reply that is not there yet. */
export interface ReplySlot {
  reply: Buffer | undefined;
}

export class ReplyQueue {
  /** The first one is not there yet; some behind it may be. */
  readonly #slots: ReplySlot[] = [];
  #held = 0;
  #ready: Buffer[] = [];
  #readyBytes = 0;

  /** Requests whose reply is missing, or waits for an earlier one. */
  get waiting(): number {
    return this.#slots.length;
  }

  /** Bytes of replies that wait for an earlier one. */
  get held(): number {
    return this.#held;
  }

  /** Bytes that can go out. */
  get readyBytes(): number {
    return this.#readyBytes;
  }

  /** The reply to the newest request. */
  add(reply: Buffer): void {
    if (this.#slots.length === 0) {
      this.#push(reply);
      return;
    }
    this.#slots.push({ reply });
    this.#held += reply.length;
  }

  /** A place for the reply to the newest request. */
  reserve(): ReplySlot {
    const slot = { reply: undefined };
    this.#slots.push(slot);
    return slot;
  }

  fill(slot: ReplySlot, reply: Buffer): void {
    slot.reply = reply;
    this.#held += reply.length;
    for (let first = this.#slots[0]?.reply; first !== undefined; first = this.#slots[0]?.reply) {
      this.#slots.shift();
      this.#held -= first.length;
      this.#push(first);
    }
  }

  /** The replies that are missing will not come. */
  forgetWaiting(): void {
    this.#slots.length = 0;
    this.#held = 0;
  }

  /** What one write should carry: many small replies in one buffer, a large one as it is. undefined: nothing is ready. */
  next(): Buffer | undefined {
    const ready = this.#ready;
    if (ready.length === 0) return undefined;
    let bytes = 0;
    let count = 0;
    while (count < ready.length && (count === 0 || bytes + ready[count]!.length <= REPLY_BATCH))
      bytes += ready[count++]!.length;
    this.#readyBytes -= bytes;
    if (count === 1) return ready.shift();
    if (count === ready.length) this.#ready = [];
    return Buffer.concat(count === ready.length ? ready : ready.splice(0, count), bytes);
  }

  /** Nobody will read them. */
  drop(): void {
    this.#ready = [];
    this.#readyBytes = 0;
  }

  #push(reply: Buffer): void {
    this.#ready.push(reply);
    this.#readyBytes += reply.length;
  }
}

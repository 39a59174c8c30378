import type { Socket } from "node:net";

/**
 * Bytes of one write. A peer that does not read leaves at most this much in the socket of which it cannot be said whether
 * the kernel has it; larger writes are no faster.
 */
const WRITE_MAX = 64 * 1024;

/** Messages that were handed over are dropped so many at a time when others wait behind them. */
const FORGET_AT = 1024;

/**
 * What is to be sent on one connection. All that is put here in one turn of the event loop goes out in one write, and the
 * next write is made when the kernel has taken the one before: so it is known what it cannot have.
 */
export class Outbox {
  readonly #socket: Socket;
  readonly #messages: Buffer[] = [];
  /** Index in `#messages` of the first one that is not handed over. */
  #next = 0;
  #writing = false;
  #scheduled = false;
  #ending = false;
  /** How many of all messages put here have been handed to the socket, whole or in part, in order. */
  handed = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  put(message: Buffer | string): void {
    this.#messages.push(typeof message === "string" ? Buffer.from(message) : message);
    if (this.#writing || this.#scheduled) return;
    this.#scheduled = true;
    // After the microtasks: what they put here goes along.
    process.nextTick(() => {
      this.#scheduled = false;
      this.#write();
    });
  }

  /** Nothing is put here any more: the peer is told so behind the last message. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    if (!this.#writing && !this.#scheduled) this.#write();
  }

  #write(): void {
    if (this.#socket.destroyed) return;
    if (this.#next === this.#messages.length) {
      if (this.#ending) this.#socket.end();
      return;
    }
    const from = this.#next;
    for (let bytes = 0; this.#next < this.#messages.length && bytes < WRITE_MAX; this.#next++)
      bytes += this.#messages[this.#next]!.length;
    const batch = this.#messages.slice(from, this.#next);
    this.handed += batch.length;
    if (this.#next === this.#messages.length || this.#next >= FORGET_AT) {
      this.#messages.splice(0, this.#next);
      this.#next = 0;
    }
    this.#writing = true;
    this.#socket.write(batch.length === 1 ? batch[0]! : Buffer.concat(batch), (error) => {
      this.#writing = false;
      if (!error) this.#write();
    });
  }
}

interface Waiter {
  /** undefined: it has entered, or does not wait any more. */
  enter: (() => void) | undefined;
}

const CUT_AT = 4096;

/**
 * Room for requests that are under way. Who finds none waits, in order: a caller that makes a million requests at once
 * makes the daemon and this process hold a bounded number of them.
 */
export class Window {
  readonly #requestsMax: number;
  readonly #bytesMax: number;
  #requests = 0;
  #bytes = 0;
  #queue: Waiter[] = [];
  /** Of the first that has not entered; what is before it is cut off now and then. */
  #head = 0;
  #waiting = 0;

  constructor(requestsMax: number, bytesMax: number) {
    this.#requestsMax = requestsMax;
    this.#bytesMax = bytesMax;
  }

  /** False: `wait` first. One that is larger than all the room goes alone. */
  get isOpen(): boolean {
    return this.#waiting === 0 && this.#hasRoom;
  }

  get #hasRoom(): boolean {
    return this.#requests < this.#requestsMax && this.#bytes < this.#bytesMax;
  }

  /** How many are under way, and how many wait for room. */
  get state(): { readonly requests: number; readonly bytes: number; readonly waiting: number } {
    return { requests: this.#requests, bytes: this.#bytes, waiting: this.#waiting };
  }

  /** Calls `enter` when there is room, in the order of these calls; it must `take` or let it be. The result withdraws it. */
  wait(enter: () => void): () => void {
    const waiter: Waiter = { enter };
    this.#queue.push(waiter);
    this.#waiting++;
    return () => {
      if (waiter.enter === undefined) return;
      waiter.enter = undefined;
      this.#waiting--;
      this.#forget();
    };
  }

  /** Callers that give up while nobody leaves (a daemon that is frozen) must not pile up. */
  #forget(): void {
    if (this.#queue.length - this.#head < 2 * this.#waiting + CUT_AT) return;
    this.#queue = this.#queue.filter(({ enter }) => enter !== undefined);
    this.#head = 0;
  }

  take(bytes: number): void {
    this.#requests++;
    this.#bytes += bytes;
  }

  give(bytes: number): void {
    this.#requests--;
    this.#bytes -= bytes;
    while (this.#head < this.#queue.length && this.#hasRoom) {
      const waiter = this.#queue[this.#head++]!;
      const { enter } = waiter;
      if (enter === undefined) continue;
      waiter.enter = undefined;
      this.#waiting--;
      enter();
    }
    // Rarely, so that a long queue is not moved for every one that leaves it.
    if (this.#head === this.#queue.length || this.#head >= CUT_AT) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
  }
}

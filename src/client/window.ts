/**
 * Room for requests that are under way. Who finds none waits, in order: a caller that makes a million requests at once
 * makes the daemon and this process hold a bounded number of them.
 */
export class Window {
  readonly #requestsMax: number;
  readonly #bytesMax: number;
  #requests = 0;
  #bytes = 0;
  readonly #queue = new Set<() => void>();

  constructor(requestsMax: number, bytesMax: number) {
    this.#requestsMax = requestsMax;
    this.#bytesMax = bytesMax;
  }

  /** False: `wait` first. One that is larger than all the room goes alone. */
  get isOpen(): boolean {
    return this.#queue.size === 0 && this.#hasRoom;
  }

  get #hasRoom(): boolean {
    return this.#requests < this.#requestsMax && this.#bytes < this.#bytesMax;
  }

  /** How many are under way, and how many wait for room. */
  get state(): { readonly requests: number; readonly bytes: number; readonly waiting: number } {
    return { requests: this.#requests, bytes: this.#bytes, waiting: this.#queue.size };
  }

  /** Calls `enter` when there is room, in the order of these calls; it must `take` or let it be. The result withdraws it. */
  wait(enter: () => void): () => void {
    this.#queue.add(enter);
    return () => {
      this.#queue.delete(enter);
    };
  }

  take(bytes: number): void {
    this.#requests++;
    this.#bytes += bytes;
  }

  give(bytes: number): void {
    this.#requests--;
    this.#bytes -= bytes;
    for (const enter of this.#queue) {
      if (!this.#hasRoom) return;
      this.#queue.delete(enter);
      enter();
    }
  }
}

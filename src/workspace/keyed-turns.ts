import { TurnQueue } from "./turn-queue.js";

/** A TurnQueue for each key, as long as something runs or waits in it. */
export class KeyedTurns {
  readonly #queues = new Map<string, TurnQueue>();

  /** Keys of which something runs or waits. */
  get size(): number {
    return this.#queues.size;
  }

  /** Work of one key runs one after the other, that of others beside it. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const queue = this.#queues.get(key) ?? new TurnQueue();
    this.#queues.set(key, queue);
    try {
      return await queue.run(work);
    } finally {
      if (queue.isIdle && this.#queues.get(key) === queue) this.#queues.delete(key);
    }
  }

  /** Resolves when everything asked for so far has ended. */
  async idle(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.idle()));
  }
}

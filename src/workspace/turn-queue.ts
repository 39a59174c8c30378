/** Runs asynchronous pieces of work one after the other, in the order in which they were asked for. */
export class TurnQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** A failed piece rejects its own promise and does not stop the next one. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  /** Resolves when everything asked for so far has ended. */
  async idle(): Promise<void> {
    await this.#last;
  }
}

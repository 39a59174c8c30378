/** Runs asynchronous pieces of work one after the other, in the order in which they were asked for. */
export class TurnQueue {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Nothing is running or waiting. */
  get isIdle(): boolean {
    return this.#waiting === 0;
  }

  /** A failed piece rejects its own promise and does not stop the next one. */
  run<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const result = this.#last.then(work);
    const ended = (): void => {
      this.#waiting -= 1;
    };
    this.#last = result.then(ended, ended);
    return result;
  }

  /** Resolves when everything asked for so far has ended. */
  async idle(): Promise<void> {
    await this.#last;
  }
}

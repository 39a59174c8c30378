/** Work that others may have to wait for. */
export class UnderWay {
  #all: Promise<unknown> | undefined;

  add(work: Promise<unknown>): void {
    const all = Promise.allSettled([this.#all, work]);
    this.#all = all;
    void all.then(() => {
      if (this.#all === all) this.#all = undefined;
    });
  }

  /** Resolves when all that was added so far is done, however; undefined when it is. */
  get settled(): Promise<unknown> | undefined {
    return this.#all;
  }
}

/** Park-Miller: the same numbers again for the same seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.abs(Math.trunc(seed)) % 2147483646) + 1;
    for (let i = 0; i < 8; i++) this.below(2); // neighbouring seeds begin alike
  }

  /** 0 … limit - 1. */
  below(limit: number): number {
    this.#state = (this.#state * 48271) % 2147483647;
    return Math.floor((this.#state / 2147483647) * limit);
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }
}

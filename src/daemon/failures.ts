/** When what has failed to start, or died, is tried again: after a pause that doubles with each time. */
import type { VriftError } from "../platform/errors.js";

const PAUSE_MS = 100;
const PAUSE_MAX_MS = 10_000;
/** So long after its time for another attempt has come, a failure is forgotten. */
const FORGET_MS = 60_000;

export interface Failure {
  readonly count: number;
  /** `Date.now()` of the next attempt. */
  readonly notBefore: number;
  /** Why it could not be opened; undefined when it died. */
  readonly error: VriftError | undefined;
}

export class Failures {
  readonly #byId = new Map<string, Failure>();

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): Failure | undefined {
    return this.#byId.get(id);
  }

  /** @param now `Date.now()`. */
  add(id: string, error: VriftError | undefined, now = Date.now()): void {
    const count = (this.#byId.get(id)?.count ?? 0) + 1;
    for (const [other, { notBefore }] of this.#byId)
      if (now > notBefore + FORGET_MS) this.#byId.delete(other);
    const notBefore = now + Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** (count - 1));
    this.#byId.set(id, { count, notBefore, error });
  }

  forget(id: string): void {
    this.#byId.delete(id);
  }
}

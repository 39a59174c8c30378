/** Tells when nobody has needed a project for a while. */
export class IdleWatch {
  readonly #limitMs: number;
  readonly #usedMs: () => number;
  #timer: NodeJS.Timeout | undefined;
  /** Called again and again from then on, until `stop`. */
  onIdle: () => void = () => undefined;

  /** @param limitMs without anybody until `onIdle`. @param usedMs when somebody last needed it, as `Date.now()`. */
  constructor(limitMs: number, usedMs: () => number) {
    this.#limitMs = limitMs;
    this.#usedMs = usedMs;
  }

  start(): void {
    this.#timer = setInterval(
      () => {
        if (Date.now() - this.#usedMs() >= this.#limitMs) this.onIdle();
      },
      Math.max(10, this.#limitMs / 10),
    );
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

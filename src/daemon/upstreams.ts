/**
 * Connections to projects on behalf of clients that have fallen silent: they are closed, so that a client that only stays connected to
 * vriftd keeps no project's process from its end. They hold nothing that the next one would miss (forwarding.ts).
 */
export interface Upstream {
  /** Called at regular intervals: closes it when nothing was said since the last time. */
  closeIfSilent(): void;
}

export class Upstreams {
  readonly #periodMs: number;
  readonly #all = new Set<Upstream>();
  #timer: NodeJS.Timeout | undefined;

  /** @param periodMs one that was silent for so long, or up to twice as long, is closed. */
  constructor(periodMs: number) {
    this.#periodMs = periodMs;
  }

  add(upstream: Upstream): void {
    this.#all.add(upstream);
    this.#timer ??= setInterval(() => {
      for (const one of this.#all) one.closeIfSilent();
    }, this.#periodMs).unref();
  }

  remove(upstream: Upstream): void {
    this.#all.delete(upstream);
    if (this.#all.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** Tells when nobody has needed a project for a while: no connection, and no program that maps its index. */
import { mapsIndex } from "./index-users.js";

export class IdleWatch {
  readonly #index: string;
  readonly #limitMs: number;
  readonly #isBusy: () => boolean;
  #timer: NodeJS.Timeout | undefined;
  #busyMs = Date.now();
  onIdle: () => void = () => undefined;

  /** @param index path of the index file. @param limitMs without anybody until `onIdle`. */
  constructor(index: string, limitMs: number, isBusy: () => boolean) {
    this.#index = index;
    this.#limitMs = limitMs;
    this.#isBusy = isBusy;
  }

  start(): void {
    this.#busyMs = Date.now();
    this.#timer = setInterval(() => this.#look(), Math.max(10, this.#limitMs / 10));
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Programs are looked for only when the time is up: it means to read every process's map. */
  #look(): void {
    if (this.#isBusy()) this.#busyMs = Date.now();
    else if (Date.now() - this.#busyMs >= this.#limitMs) {
      if (mapsIndex((path) => path === this.#index)) this.#busyMs = Date.now();
      else this.onIdle();
    }
  }
}

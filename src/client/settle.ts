import { VriftError } from "../platform/errors.js";
import type { VeloResponse } from "../protocol/messages.js";
import { onAbort } from "./on-abort.js";

export interface RequestOptions {
  /**
   * Gives up waiting, with the signal's reason. A request that was sent may be done all the same: its reply is dropped when
   * it comes, and the connection goes on.
   */
  readonly signal?: AbortSignal;
  /** Milliseconds from the call to its reply, connecting included; then ETIMEDOUT. None by default, as specified. */
  readonly timeoutMs?: number;
}

/** The caller's promise, settled once: by a reply, an error, the caller's signal or its deadline. */
export class Settle {
  readonly promise: Promise<VeloResponse>;
  done = false;
  /** Bytes of it may have reached the daemon. */
  sent = false;
  #resolve!: (reply: VeloResponse) => void;
  #reject!: (error: unknown) => void;
  #withdraw: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Called when the caller gives up. */
  onAbandoned: () => void = () => undefined;

  constructor(what: string, { signal, timeoutMs }: RequestOptions) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (signal !== undefined) this.#withdraw = onAbort(signal, () => this.#abandon(signal.reason));
    if (timeoutMs === undefined) return;
    this.#timer = setTimeout(() => {
      const state = this.sent ? "may or may not have been done" : "was not sent";
      this.#abandon(new VriftError("ETIMEDOUT", `${what} took more than ${timeoutMs} ms and ${state}`));
    }, timeoutMs);
  }

  resolve(reply: VeloResponse): void {
    if (this.#end()) this.#resolve(reply);
  }

  reject(error: unknown): void {
    if (this.#end()) this.#reject(error);
  }

  #abandon(error: unknown): void {
    this.reject(error);
    this.onAbandoned();
  }

  #end(): boolean {
    if (this.done) return false;
    this.done = true;
    clearTimeout(this.#timer);
    this.#withdraw?.();
    return true;
  }
}

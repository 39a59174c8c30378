import type { VeloRequest, VeloResponse } from "../protocol/messages.js";
import type { Binding } from "./binding.js";
import type { Settle } from "./settle.js";

/** One request from the moment it has room until it is settled. */
export class Call {
  readonly message: VeloRequest;
  readonly frame: Buffer;
  /** The workspace it was made under. */
  readonly binding: Binding | undefined;
  /** Order of acceptance, kept when it is sent again. */
  readonly number: number;
  /** Connections it was given to. */
  attempts = 0;
  readonly #settle: Settle;

  constructor(
    message: VeloRequest,
    frame: Buffer,
    number: number,
    binding: Binding | undefined,
    settle: Settle,
  ) {
    this.message = message;
    this.frame = frame;
    this.number = number;
    this.binding = binding;
    this.#settle = settle;
  }

  /** The caller does not wait any more. */
  get abandoned(): boolean {
    return this.#settle.done;
  }

  /** From now on nobody can say that it was not done. */
  sent(): void {
    this.#settle.sent = true;
  }

  resolve(reply: VeloResponse): void {
    this.#settle.resolve(reply);
  }

  reject(error: unknown): void {
    this.#settle.reject(error);
  }
}

import { VriftError } from "../platform/errors.js";

/** A connection broke before the reply to a request came. */
export class UnansweredError extends VriftError {
  /** False: no byte of the request was handed to the kernel, so it has certainly not been done. */
  readonly sent: boolean;

  constructor(error: VriftError, what: string, sent: boolean) {
    const state = sent ? "was not answered and may or may not have been done" : "was not sent";
    super(error.code, `${what} ${state}: ${error.message}`, { cause: error });
    this.sent = sent;
  }
}

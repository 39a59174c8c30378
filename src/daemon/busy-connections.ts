/**
 * The order in which connections with more to do go on. One of them has its turn, then the event loop goes round: who has only
 * one question is answered in between, however many others have sent thousands ahead.
 */
import { TURN_MESSAGES, TURN_MESSAGES_SHARED, TURNS_SHARED } from "../platform/limits.js";

export class BusyConnections {
  readonly #waiting: (() => void)[] = [];
  /** Whoever had the last turn, and how many more turns are short because somebody else had one. */
  #last: unknown;
  #shared = 0;

  /** `who` has a turn. How many messages it may answer in it. */
  begin(who: object): number {
    if (this.#last === who) {
      if (this.#shared > 0) this.#shared -= 1;
    } else {
      if (this.#last !== undefined) this.#shared = TURNS_SHARED;
      this.#last = who;
    }
    return this.#shared > 0 ? TURN_MESSAGES_SHARED : TURN_MESSAGES;
  }

  /** `goOn` is called when its turn has come: never now, once, behind all who wait. */
  wait(goOn: () => void): void {
    if (this.#waiting.push(goOn) === 1) setImmediate(this.#next);
  }

  /** One in each round of the event loop. */
  readonly #next = (): void => {
    const goOn = this.#waiting.shift()!;
    if (this.#waiting.length > 0) setImmediate(this.#next);
    goOn();
  };
}

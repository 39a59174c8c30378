/**
 * The last messages of a daemon's connections, for whoever follows them (`vrift debug trace`). Nothing is kept, and nothing but
 * one boolean looked at for a message, unless somebody has asked within the last seconds. Messages are kept as their bytes:
 * who follows decodes them.
 */
import { VriftError } from "../platform/errors.js";
import {
  TRACE_BYTES_MAX,
  TRACE_EVENTS_MAX,
  TRACE_MESSAGE_MAX,
  TRACE_PAGE_BYTES,
  TRACE_PAGE_EVENTS,
} from "../platform/limits.js";
import type { TraceEvent, TraceOperation } from "./control.js";

/** Messages are gathered so long before who waits is told: fewer, fuller answers, and still live to a person. */
const GATHER_MS = 20;
/** So long a poll waits for something; and without a poll for so long, nobody follows any more. */
const PATIENCE_MS = 5000;
/** Of a message over the limit: enough to say which it is. */
const HEAD_BYTES = 64;

/** A request that was kept: what its reply refers to. */
export interface TracedRequest {
  readonly number: number;
  readonly beganMs: number;
}

interface Kept extends Omit<TraceEvent, "payload"> {
  readonly payload: Buffer;
}

export class Trace {
  /** Somebody follows. */
  active = false;
  /** By number modulo length. Numbers from `#first` to `#last` are there. */
  #events: (Kept | undefined)[] = [];
  readonly #patienceMs: number;
  #first = 1;
  #last = 0;
  #bytes = 0;
  #connections = 0;
  #ended = false;
  #interest: NodeJS.Timeout | undefined;
  #gathering: NodeJS.Timeout | undefined;
  #polls = 0;
  readonly #waiting = new Set<() => void>();

  /** @param patienceMs for tests. */
  constructor(patienceMs = PATIENCE_MS) {
    this.#patienceMs = patienceMs;
  }

  /** The number of a new connection. */
  connection(): number {
    return ++this.#connections;
  }

  /** @param payload without the frame's length; not kept. */
  request(connection: number, payload: Buffer): TracedRequest {
    const beganMs = performance.now();
    return { number: this.#keep({ connection, direction: "request" }, beganMs, payload), beganMs };
  }

  /** @param request undefined for what nobody asked: the stream could not be followed. */
  reply(connection: number, request: TracedRequest | undefined, payload: Buffer): void {
    const now = performance.now();
    const to =
      request && { request: request.number, microseconds: Math.round((now - request.beganMs) * 1e4) / 10 }; // prettier-ignore
    this.#keep({ connection, direction: "reply", ...to }, now, payload);
  }

  /**
   * What came after the event `after`; waits for the first of it for some seconds. Without `after`: where the trace is now.
   * @throws VriftError ECONNRESET when this process serves no longer: its successor is to be asked.
   */
  async poll({ after }: TraceOperation["request"]): Promise<TraceOperation["reply"]> {
    if (after !== undefined && (!Number.isSafeInteger(after) || after < 0))
      throw new VriftError("EINVAL", "after is not the number of an event");
    if (!this.#ended) this.#follow();
    try {
      if (after !== undefined && this.#last <= after && !this.#ended) await this.#something();
      if (this.#ended) throw new VriftError("ECONNRESET", "this process does not serve any more");
      return this.#page(after ?? this.#last);
    } finally {
      this.#polls--;
      this.#interest?.refresh();
    }
  }

  /** Nobody can follow any more; who waits is told. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#interest);
    this.#forget();
    this.#wake();
  }

  #follow(): void {
    this.#polls++;
    this.active = true;
    this.#interest ??= setTimeout(() => this.#lost(), this.#patienceMs).unref();
    this.#interest.refresh();
  }

  #lost(): void {
    if (this.#polls > 0) this.#interest?.refresh();
    else this.#forget();
  }

  /** What is not kept from now on counts as one message: who comes back is told that something is missing. */
  #forget(): void {
    this.active = false;
    this.#events = [];
    this.#bytes = 0;
    this.#first = ++this.#last + 1;
  }

  #something(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, this.#patienceMs);
      this.#waiting.add(done);
    });
  }

  #wake(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    for (const done of [...this.#waiting]) done();
  }

  #keep(event: Omit<Kept, "number" | "timeMs" | "bytes" | "payload">, now: number, payload: Buffer): number {
    const whole = payload.length <= TRACE_MESSAGE_MAX;
    const kept = Buffer.from(whole ? payload : payload.subarray(0, HEAD_BYTES));
    const number = ++this.#last;
    if (number - this.#first >= TRACE_EVENTS_MAX) this.#drop();
    this.#bytes += kept.length;
    while (this.#bytes > TRACE_BYTES_MAX) this.#drop();
    const timeMs = performance.timeOrigin + now;
    this.#events[number % TRACE_EVENTS_MAX] = { number, timeMs, ...event, bytes: payload.length, payload: kept }; // prettier-ignore
    if (this.#waiting.size > 0) this.#gathering ??= setTimeout(() => this.#wake(), GATHER_MS);
    return number;
  }

  /** The oldest one. */
  #drop(): void {
    const at = this.#first++ % TRACE_EVENTS_MAX;
    this.#bytes -= this.#events[at]?.payload.length ?? 0;
    this.#events[at] = undefined;
  }

  #page(after: number): TraceOperation["reply"] {
    const from = Math.max(after + 1, this.#first);
    const events: TraceEvent[] = [];
    let next = from - 1;
    let bytes = 0;
    while (next < this.#last && events.length < TRACE_PAGE_EVENTS && bytes < TRACE_PAGE_BYTES) {
      const { payload, ...event } = this.#events[++next % TRACE_EVENTS_MAX]!;
      events.push({ ...event, payload: payload.toString("base64") });
      bytes += payload.length;
    }
    return { events, next, dropped: from - 1 - after };
  }
}

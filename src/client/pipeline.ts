import { VriftError, toVriftError } from "../platform/errors.js";
import {
  FROZEN_MS,
  PIPELINE_BYTES_MAX,
  PIPELINE_REQUESTS_MAX,
  READ_ATTEMPTS_MAX,
  SUCCESSION_MS,
} from "../platform/limits.js";
import { encodeRequest } from "../protocol/encode.js";
import { encodeFrame } from "../protocol/frame.js";
import type { VeloRequest, VeloResponse } from "../protocol/messages.js";
import type { Binding } from "./binding.js";
import { Call } from "./call.js";
import { converse, replyOf } from "./converse.js";
import type { Connection, Endpoint } from "./endpoint.js";
import type { OnEvent } from "./events.js";
import type { OpenOptions } from "./open-socket.js";
import { isRead, isScoped } from "./repeatable.js";
import { Settle } from "./settle.js";
import type { RequestOptions } from "./settle.js";
import { UnansweredError } from "./unanswered.js";
import { Window } from "./window.js";

/** Answers without a daemon; undefined: it cannot. */
export type Fallback = (
  message: VeloRequest,
  binding: Binding | undefined,
  error: VriftError,
) => Promise<VeloResponse> | undefined;

export interface PipelineOptions extends OpenOptions {
  readonly onEvent?: OnEvent;
  readonly fallback?: Fallback;
}

interface Link extends Omit<Connection, "bound"> {
  /** What the connection is bound to, as far as it has said. */
  bound: Binding | undefined;
  /** Some request after the Handshake was answered. */
  answered: boolean;
}

/**
 * The requests of one client in their order, over whatever connections that takes. A request is sent to one connection, and
 * to another one only if that cannot do it twice: it is a read, or no byte of it was handed to the kernel. A connection
 * that is new is bound to the workspace of the next request that needs one, before it.
 */
export class Pipeline {
  readonly #endpoint: Endpoint;
  readonly #options: PipelineOptions;
  readonly #window = new Window(PIPELINE_REQUESTS_MAX, PIPELINE_BYTES_MAX);
  /** Accepted and not on a connection, in the order of their numbers. */
  #queue: Call[] = [];
  #accepted = 0;
  #link: Link | undefined;
  /** Connecting or binding: what comes meanwhile stays in the queue. */
  #preparing = false;
  /** Of the last request: its own binding when it is pending or made. */
  #binding: Binding | undefined;
  /** What the endpoint's connections are bound to from the start. */
  readonly #initial: Binding | undefined;
  #made: Binding | undefined;
  /** When a connection that had been greeted ended; `performance.now()`. */
  #lostAt = -Infinity;
  /** With a fallback: a daemon that did not answer in time is not asked again until then. */
  #frozen: { readonly error: VriftError; readonly until: number } | undefined;
  readonly #end = new AbortController();

  constructor(endpoint: Endpoint, options: PipelineOptions, initial?: Binding) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#initial = initial;
    this.#made = initial;
    this.#binding = initial;
  }

  /** Under way, and waiting for room. */
  get state(): { readonly requests: number; readonly bytes: number; readonly waiting: number } {
    return this.#window.state;
  }

  /** Resolves with a reply of a type that belongs to the request. */
  async submit(message: VeloRequest, options: RequestOptions): Promise<VeloResponse> {
    this.#end.signal.throwIfAborted();
    options.signal?.throwIfAborted();
    const settle = new Settle(message.type, options);
    if (this.#window.isOpen) this.#accept(message, settle);
    else settle.onAbandoned = this.#window.wait(() => this.#accept(message, settle));
    return await settle.promise;
  }

  close(): void {
    const error = new VriftError("ECONNRESET", "the client was closed");
    this.#end.abort(error);
    this.#link?.exchange.close();
    this.#refuse(error, () => true);
  }

  #accept(message: VeloRequest, settle: Settle): void {
    if (this.#end.signal.aborted) return settle.reject(this.#end.signal.reason);
    let frame: Buffer;
    try {
      frame = encodeFrame(encodeRequest(message));
    } catch (error) {
      return settle.reject(error);
    }
    if (message.type === "RegisterWorkspace") this.#binding = { request: message, state: "pending" };
    const call = new Call(message, frame, this.#accepted++, this.#binding, settle);
    this.#window.take(frame.length);
    settle.onAbandoned = () => this.#withdraw(call);
    this.#queue.push(call);
    this.#pump();
  }

  /** The caller gave up: what was not sent never will be. */
  #withdraw(call: Call): void {
    const at = this.#queue.indexOf(call);
    if (at < 0) return;
    this.#queue.splice(at, 1);
    this.#leave(call);
    if (call.message.type === "RegisterWorkspace") this.#unbind(call);
  }

  /** Gives its room to others, once. */
  #leave(call: Call): void {
    this.#window.give(call.frame.length);
  }

  #pump(): void {
    while (this.#queue.length > 0 && !this.#preparing) {
      const link = this.#link;
      if (link?.exchange.usable !== true) return this.#prepare(() => this.#connect());
      const call = this.#queue[0]!;
      if (isScoped(call.message.type) && call.binding !== undefined && call.binding !== link.bound) {
        const { binding } = call;
        // Its registration is under way; were it refused, the workspace before it would answer.
        if (binding.state === "pending") return;
        return this.#prepare(() => this.#bind(binding, link));
      }
      this.#queue.shift();
      void this.#send(call, link);
    }
  }

  #prepare(work: () => Promise<void>): void {
    this.#preparing = true;
    void work().finally(() => {
      this.#preparing = false;
      this.#pump();
    });
  }

  async #connect(): Promise<void> {
    if (this.#frozen !== undefined && performance.now() < this.#frozen.until)
      return this.#refuse(this.#frozen.error, () => true);
    const { signal, onEvent } = this.#options;
    const ends = signal === undefined ? this.#end.signal : AbortSignal.any([signal, this.#end.signal]);
    let ended: VriftError | undefined;
    let link: Link | undefined;
    try {
      const connection = await this.#endpoint.open({
        ...this.#options,
        signal: ends,
        absentUntil: this.#options.waitForDaemon === true ? Infinity : this.#lostAt + SUCCESSION_MS,
        onEnd: (error) => {
          ended = error;
          this.#lostAt = performance.now();
          if (link !== undefined && this.#link === link) this.#link = undefined;
          if (!this.#end.signal.aborted) tell(onEvent, { type: "disconnected", error });
        },
      });
      tell(onEvent, { type: "connected", path: connection.path });
      if (ended !== undefined || !connection.exchange.usable)
        return this.#fruitless(ended ?? new VriftError("ECONNRESET", `${connection.path} went away`));
      if (this.#end.signal.aborted) return connection.exchange.close();
      link = { ...connection, bound: connection.bound ? this.#initial : undefined, answered: false };
      this.#link = link;
      this.#frozen = undefined;
    } catch (error) {
      if (this.#options.fallback && error instanceof VriftError && error.code === "ETIMEDOUT")
        this.#frozen = { error, until: performance.now() + FROZEN_MS };
      this.#refuse(error, () => true);
    }
  }

  /** Binds the connection; when the daemon refuses, the requests that need it fail with its reason and others go on. */
  async #bind(binding: Binding, link: Link): Promise<void> {
    try {
      await converse(link.exchange, binding.request);
      link.bound = binding;
    } catch (error) {
      if (error instanceof UnansweredError) return this.#fruitless(error);
      this.#refuse(error, (call) => call.binding === binding && isScoped(call.message.type));
    }
  }

  /** A connection ended before the first request could be sent on it. The next one is tried, but not for ever. */
  #fruitless(error: VriftError): void {
    const first = this.#queue[0];
    if (first !== undefined && ++first.attempts >= READ_ATTEMPTS_MAX) this.#refuse(error, () => true);
  }

  async #send(call: Call, link: Link): Promise<void> {
    call.attempts++;
    call.sent();
    try {
      const payload = await link.exchange.send(call.frame, call.message.type);
      link.answered = true;
      const reply = replyOf(call.message, payload);
      if (call.message.type === "RegisterWorkspace") {
        link.bound = call.binding;
        this.#made = made(call.binding!);
      }
      call.resolve(reply);
    } catch (error) {
      if (error instanceof UnansweredError && this.#mayRepeat(call, error, link)) return this.#requeue(call);
      if (call.message.type === "RegisterWorkspace") this.#unbind(call);
      call.reject(error);
    }
    this.#leave(call);
    if (call.message.type === "RegisterWorkspace") this.#pump();
  }

  #mayRepeat(call: Call, error: UnansweredError, link: Link): boolean {
    if (call.abandoned || this.#end.signal.aborted) return false;
    // One that answers others and ends before it came to this one is no reason to give it up.
    if (!error.sent && link.answered) call.attempts--;
    return (!error.sent || isRead(call.message.type)) && call.attempts < READ_ATTEMPTS_MAX;
  }

  /** Broken connections reject in order, so what comes back here is mostly in order already. */
  #requeue(call: Call): void {
    let at = this.#queue.length;
    while (at > 0 && this.#queue[at - 1]!.number > call.number) at--;
    this.#queue.splice(at, 0, call);
    this.#pump();
  }

  /** A registration came to nothing: later requests are of the workspace before it. */
  #unbind(call: Call): void {
    call.binding!.state = "failed";
    if (this.#binding === call.binding) this.#binding = this.#made;
    const error = new VriftError(
      "ECONNRESET",
      "was not sent: the RegisterWorkspace before it came to nothing",
    );
    this.#refuse(error, (one) => one.binding === call.binding && isScoped(one.message.type));
  }

  /** Rejects what is in the queue, or has it answered without a daemon. */
  #refuse(error: unknown, whom: (call: Call) => boolean): void {
    const refused = this.#queue.filter(whom);
    if (refused.length === 0) return;
    this.#queue = this.#queue.filter((call) => !whom(call));
    for (const call of refused) {
      const instead =
        error instanceof VriftError && !this.#end.signal.aborted
          ? this.#options.fallback?.(call.message, call.binding, error)
          : undefined;
      if (instead === undefined) {
        if (call.message.type === "RegisterWorkspace") this.#unbind(call);
        call.reject(error);
        this.#leave(call);
      } else void this.#follow(call, instead);
    }
  }

  async #follow(call: Call, instead: Promise<VeloResponse>): Promise<void> {
    if (call.message.type === "RegisterWorkspace") this.#made = made(call.binding!);
    try {
      call.resolve(await instead);
    } catch (error) {
      call.reject(toVriftError(error));
    }
    this.#leave(call);
  }
}

function made(binding: Binding): Binding {
  binding.state = "made";
  return binding;
}

/** In a turn of its own: what a listener throws is not the client's. */
export function tell(onEvent: OnEvent | undefined, event: Parameters<OnEvent>[0]): void {
  if (onEvent !== undefined) process.nextTick(onEvent, event);
}

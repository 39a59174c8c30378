/**
 * One connection, whatever is spoken on it: messages are answered in order, so replies come in order however many were
 * sent ahead, and what is ready together is written together.
 *
 * Memory is bounded whatever the peer does: the reader holds one message and REQUESTS_AHEAD_MAX, Node's socket two chunks,
 * what is being answered ANSWERING_MAX and one more message, replies wait up to REPLIES_UNREAD_MAX (for the peer) and REPLIES_HELD_MAX (for an earlier one), each and one more reply.
 * Over that the peer is not read from. Time is bounded too: after a turn (busy-connections.ts) the event loop goes round.
 */
import type { Socket } from "node:net";
import { VriftError } from "../platform/errors.js";
import {
  ANSWERING_MAX,
  REPLIES_HELD_MAX,
  REPLIES_UNREAD_MAX,
  REPLY_BATCH,
  REQUESTS_AHEAD_MAX,
  TURN_BYTES,
  TURN_MS,
} from "../platform/limits.js";
import { ReplyQueue } from "./reply-queue.js";
import { startReading, stopReading } from "./socket-reading.js";
import { BusyConnections } from "./busy-connections.js";

/** Chunks in, messages out; `next` throws when the stream cannot be followed any more. */
export interface MessageReader<M> {
  /** Bytes that were pushed and not given out. */
  readonly buffered: number;
  push(chunk: Buffer): void;
  next(): M | undefined;
  /** Takes the buffered bytes away, unread. */
  rest(): Buffer;
}

export interface Protocol<M> {
  readonly reader: MessageReader<M>;
  /** Never rejects: what goes wrong is the answer. At once when it can be said at once. */
  readonly answer: (message: M) => Buffer | Promise<Buffer>;
  /** What the peer is told when the stream cannot be followed any more; then the connection ends. */
  readonly refuse: (error: unknown) => Buffer;
  /**
   * The peer sends nothing more, or the connection is being stopped: what only waits for others is to be answered. `begun`: every
   * message is with `answer`. Called again and again while something is being answered.
   */
  readonly inputEnded?: (begun: boolean) => void;
  /**
   * The connection is to be given away: bytes of the message with `answer` when it only waits for others. It is not answered
   * any more, and whoever goes on with the connection is asked it again. For protocols with one message at a time.
   */
  readonly withdraw?: () => Buffer | undefined;
  /** Once, before the first message: how the protocol ends the connection by itself. */
  readonly began?: (end: () => void) => void;
  /** Once, when this side is done with the connection and nothing is being answered: it has ended or was detached. */
  readonly ended: () => void;
  /** When the connection is given away, before `ended`: what whoever goes on with it must know besides the bytes. */
  readonly carry?: () => Carried | undefined;
  /**
   * How many messages may be with `answer` at a time. Default 1: each sees what the one before has done. With more, replies
   * still go out in the order of the requests.
   */
  readonly inFlight?: number;
  /** Bytes that a message holds while it is with `answer`: beyond ANSWERING_MAX at a time the next one waits. By default not counted. */
  readonly sizeOf?: (message: M) => number;
}

export interface ConnectionOptions {
  /** Bytes that came before those of the socket. */
  readonly initial?: Buffer;
}

export interface Detached {
  /** Open, paused and not read from: what comes now stays in the kernel until `startReading` and `resume`. */
  readonly socket: Socket;
  /** What was read and not answered, for the `initial` of another Connection. */
  readonly rest: Buffer;
  readonly carried?: Carried | undefined;
}

/** What a protocol has come to, besides the bytes of the connection. */
export interface Carried {
  readonly bytes: Buffer;
  /** Whoever goes on with the connection has it. */
  readonly release: () => void;
}

/** The clock is looked at once in so many messages. */
const CLOCK_MESSAGES = 16;
const NOTHING = Buffer.alloc(0);
/** One for the event loop, which all connections share. */
const busy = new BusyConnections();

export class Connection<M> {
  readonly #socket: Socket;
  readonly #protocol: Protocol<M>;
  readonly #inFlight: number;
  readonly #replies = new ReplyQueue();
  /** Of messages that are being answered. */
  #answeringBytes = 0;
  /** No whole message is left in the reader. */
  #starved = false;
  /** Nothing more is read: the peer has ended, or cannot be followed, or `stop`. */
  #inputEnded = false;
  #stopping = false;
  /** The others' turn. */
  #resting = false;
  #turnMessages = 0;
  #turnMessagesMax = 0;
  #turnBegan = 0;
  /** The peer does not read its replies. */
  #blocked = false;
  #writeQueued = false;
  #closed = false;
  #finished = false;
  /** The socket is somebody else's. */
  #given = false;
  /** What was being answered and is to be asked again. */
  #withdrawn: Buffer = NOTHING;
  #detaching: { resolve(detached: Detached): void; reject(error: VriftError): void } | undefined;
  #flushing = false;
  #ran: () => void = () => undefined;

  constructor(socket: Socket, protocol: Protocol<M>, options: ConnectionOptions = {}) {
    this.#socket = socket;
    this.#protocol = protocol;
    this.#inFlight = protocol.inFlight ?? 1;
    if (options.initial !== undefined) protocol.reader.push(options.initial);
  }

  /** Serves until the peer goes, breaks the framing, `stop`, or `detach`. Call it once. */
  run(): Promise<void> {
    const ended = new Promise<void>((resolve) => (this.#ran = resolve));
    const socket = this.#socket;
    // Reset by the peer: there is nobody left to tell, and `close` follows.
    socket.off("error", ignore).on("error", ignore);
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("drain", this.#onDrain);
    socket.on("close", this.#onClose);
    this.#closed = socket.destroyed;
    this.#inputEnded ||= socket.readableEnded;
    this.#protocol.began?.(() => this.destroy());
    startReading(socket);
    this.#beginTurn();
    return ended;
  }

  /** Ends the connection after the messages that have arrived, in the kernel's buffer too. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    // Between two immediates the event loop has read what was there.
    setImmediate(() =>
      setImmediate(() => {
        if (this.#finished) return;
        this.#inputEnded = true;
        this.#socket.pause().off("data", this.#onData);
        for (const chunk of stopReading(this.#socket)) this.#protocol.reader.push(chunk);
        this.#starved = false;
        this.#serve();
      }),
    );
  }

  /** Ends it now, whatever is under way: for a peer that does not read. */
  destroy(): void {
    if (!this.#given) this.#socket.destroy();
  }

  /**
   * Gives the connection away: begins nothing more, waits until every reply under way is with the kernel, and hands over the
   * socket with the bytes that nobody has answered. `run` resolves then.
   * @throws VriftError ECONNRESET when the connection ended first.
   */
  detach(): Promise<Detached> {
    return new Promise((resolve, reject) => {
      if (this.#finished || this.#detaching !== undefined) {
        reject(endedFirst());
        return;
      }
      this.#detaching = { resolve, reject };
      this.#socket.pause();
      const withdrawn = this.#replies.waiting === 0 ? undefined : this.#protocol.withdraw?.();
      if (withdrawn !== undefined) {
        this.#withdrawn = withdrawn;
        this.#replies.forgetWaiting();
      }
      this.#serve();
    });
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#protocol.reader.push(chunk);
    this.#starved = false;
    if (!this.#resting) this.#beginTurn();
    // A large chunk has more behind it, which Node would read before anybody else's.
    if (chunk.length >= TURN_BYTES && !this.#resting) this.#endTurn();
  };

  readonly #onEnd = (): void => {
    this.#inputEnded = true;
    this.#serve();
  };

  readonly #onDrain = (): void => {
    this.#blocked = false;
    this.#serve();
  };

  readonly #onClose = (): void => {
    this.#closed = true;
    this.#serve();
  };

  readonly #nextTurn = (): void => {
    this.#resting = false;
    this.#beginTurn();
  };

  #beginTurn(): void {
    this.#turnMessages = 0;
    this.#turnMessagesMax = busy.begin(this);
    this.#serve();
  }

  #endTurn(): void {
    this.#resting = true;
    this.#socket.pause();
    busy.wait(this.#nextTurn);
  }

  /** Answers what may be answered now, writes what is ready, and sees whether that was all. */
  #serve(): void {
    if (this.#finished) return;
    this.#answer();
    this.#write();
    this.#conclude();
  }

  #answer(): void {
    while (this.#mayBegin()) {
      if (this.#turnIsOver()) {
        this.#endTurn();
        return;
      }
      const message = this.#next();
      if (message === undefined) return;
      const reply = this.#protocol.answer(message);
      if (reply instanceof Promise) this.#await(reply, this.#protocol.sizeOf?.(message) ?? 0);
      else this.#replies.add(reply);
      if (this.#replies.readyBytes >= REPLY_BATCH) this.#write();
    }
  }

  #mayBegin(): boolean {
    return (
      !this.#starved &&
      !this.#blocked &&
      !this.#resting &&
      !this.#closed &&
      this.#detaching === undefined &&
      this.#replies.waiting < this.#inFlight &&
      this.#answeringBytes <= ANSWERING_MAX &&
      this.#replies.held <= REPLIES_HELD_MAX
    );
  }

  #turnIsOver(): boolean {
    const count = this.#turnMessages++;
    // Most turns are one message: they do without a clock.
    if (count === 1) this.#turnBegan = performance.now();
    if (count >= this.#turnMessagesMax) return true;
    return count % CLOCK_MESSAGES === CLOCK_MESSAGES - 1 && performance.now() - this.#turnBegan > TURN_MS;
  }

  #next(): M | undefined {
    try {
      const message = this.#protocol.reader.next();
      this.#starved = message === undefined;
      return message;
    } catch (error) {
      this.#starved = true;
      this.#inputEnded = true;
      this.#socket.pause();
      this.#replies.add(this.#protocol.refuse(error));
      return undefined;
    }
  }

  #await(reply: Promise<Buffer>, size: number): void {
    const slot = this.#replies.reserve();
    this.#answeringBytes += size;
    void reply.then((bytes) => {
      this.#answeringBytes -= size;
      this.#replies.fill(slot, bytes);
      this.#answer();
      if (this.#writeQueued) return;
      // Answers that need not wait for anything come one after the other: they are written together.
      this.#writeQueued = true;
      process.nextTick(this.#writeLater);
    });
  }

  readonly #writeLater = (): void => {
    this.#writeQueued = false;
    this.#serve();
  };

  #write(): void {
    if (this.#closed) this.#replies.drop();
    while (!this.#blocked) {
      const bytes = this.#replies.next();
      if (bytes === undefined) return;
      this.#socket.write(bytes);
      this.#blocked = this.#socket.writableLength > REPLIES_UNREAD_MAX;
    }
  }

  #conclude(): void {
    const idle = this.#replies.waiting === 0 && this.#replies.readyBytes === 0;
    if (!idle && (this.#closed || this.#inputEnded))
      this.#protocol.inputEnded?.(this.#closed || this.#starved);
    if (idle && (this.#closed || (this.#inputEnded && this.#starved))) this.#finish();
    else if (idle && this.#detaching !== undefined) this.#flush(this.#detaching.resolve);
    else if (this.#mayRead()) this.#socket.resume();
    else this.#socket.pause();
  }

  #mayRead(): boolean {
    if (this.#resting || this.#blocked || this.#inputEnded || this.#detaching !== undefined) return false;
    return this.#starved || this.#protocol.reader.buffered <= REQUESTS_AHEAD_MAX;
  }

  #finish(): void {
    this.#release();
    this.#detaching?.reject(endedFirst());
    this.#detaching = undefined;
    const socket = this.#socket;
    if (socket.closed) {
      this.#ran();
      return;
    }
    socket.once("close", () => this.#ran());
    if (socket.destroyed) return;
    socket.end();
    socket.destroySoon();
  }

  #flush(detached: (detached: Detached) => void): void {
    if (this.#flushing) return;
    const socket = this.#socket;
    if (socket.writableLength > 0) {
      this.#flushing = true;
      // Called when everything before it is with the kernel; or with an error, and then `close` follows.
      socket.write(NOTHING, () => {
        this.#flushing = false;
        this.#serve();
      });
      return;
    }
    const carried = this.#protocol.carry?.();
    this.#release();
    this.#given = true;
    const ahead = stopReading(socket);
    const rest = Buffer.concat([this.#withdrawn, this.#protocol.reader.rest(), ...ahead]);
    this.#ran();
    detached({ socket, rest, carried });
  }

  #release(): void {
    this.#finished = true;
    const socket = this.#socket;
    socket.off("data", this.#onData);
    socket.off("end", this.#onEnd);
    socket.off("drain", this.#onDrain);
    socket.off("close", this.#onClose);
    this.#protocol.ended();
  }
}

function ignore(): void {}

function endedFirst(): VriftError {
  return new VriftError("ECONNRESET", "the connection ended before it was given away");
}

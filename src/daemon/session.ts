/**
 * One connection of the specified protocol: frames in, frames out. Requests may be pipelined; they are answered one after
 * the other, so replies come in order. Reading goes on only while the peer reads its replies: a peer that does not
 * holds at most one chunk, one frame and one socket buffer of the daemon's memory.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { VriftError } from "../platform/errors.js";
import { decodeRequest } from "../protocol/decode.js";
import { encodeResponse } from "../protocol/encode.js";
import { FrameReader, encodeFrame } from "../protocol/frame.js";
import type { VeloRequest, VeloResponse } from "../protocol/messages.js";
import type { Service, SessionState } from "./handlers.js";
import { answer, errorResponse } from "./handlers.js";

export class Session {
  readonly #socket: Socket;
  readonly #service: Service;
  readonly #state: SessionState;
  #stopping = false;

  constructor(socket: Socket, uid: number, service: Service) {
    this.#socket = socket;
    this.#service = service;
    this.#state = { uid, workspace: undefined, lease: undefined };
  }

  /** Serves until the peer goes, breaks the framing, or `stop`. Rejects with what broke the connection. */
  async run(): Promise<void> {
    const frames = new FrameReader();
    try {
      for await (const chunk of this.#socket as AsyncIterable<Buffer>) {
        frames.push(chunk);
        if (!(await this.#serve(frames)) || this.#stopping) break;
      }
    } finally {
      this.#state.lease?.release();
      await this.#finish();
    }
  }

  /** Ends the connection after the requests that have arrived. */
  stop(): void {
    this.#stopping = true;
    // An idle connection waits for a chunk that need not come.
    this.#socket.push(null);
  }

  /** False when the stream cannot be followed any further. */
  async #serve(frames: FrameReader): Promise<boolean> {
    for (;;) {
      let payload: Buffer | undefined;
      try {
        payload = frames.next();
      } catch (error) {
        await this.#reply(errorResponse(error));
        return false;
      }
      if (payload === undefined) return true;
      await this.#reply(await this.#handle(payload));
    }
  }

  async #handle(payload: Buffer): Promise<VeloResponse> {
    let request: VeloRequest;
    try {
      request = decodeRequest(payload);
    } catch (error) {
      return errorResponse(error);
    }
    return answer(request, this.#state, this.#service);
  }

  async #reply(response: VeloResponse): Promise<void> {
    if (this.#socket.destroyed) throw new VriftError("ECONNRESET", "the peer is gone");
    if (this.#socket.write(frameOf(response))) return;
    await Promise.race([once(this.#socket, "drain"), once(this.#socket, "close")]);
  }

  async #finish(): Promise<void> {
    if (this.#socket.destroyed) return;
    const closed = once(this.#socket, "close");
    this.#socket.end();
    // Whatever is still being sent is not ours to read; without this a half-open peer would keep the socket.
    this.#socket.destroySoon();
    await closed;
  }
}

/** A reply over the frame limit (the listing of an enormous directory) becomes an EMSGSIZE. */
function frameOf(response: VeloResponse): Buffer {
  try {
    return encodeFrame(encodeResponse(response));
  } catch (error) {
    return encodeFrame(encodeResponse(errorResponse(error)));
  }
}

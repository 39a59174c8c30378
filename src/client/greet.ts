/** A connection on which somebody has answered. */
import { setTimeout as wait } from "node:timers/promises";
import type { VriftError } from "../platform/errors.js";
import { READ_ATTEMPTS_MAX } from "../platform/limits.js";
import { FrameReader } from "../protocol/frame.js";
import { PROTOCOL_VERSION, checkVersion } from "../protocol/version.js";
import { converse } from "./converse.js";
import { Exchange } from "./exchange.js";
import { dial, withDeadline } from "./open-socket.js";
import type { OpenOptions } from "./open-socket.js";
import { UnansweredError } from "./unanswered.js";

/** Milliseconds until one that ended before it answered is gone, the first time; then twice as long. */
const LEAVING_MS = 20;

export interface GreetOptions extends OpenOptions {
  /** `performance.now()` until which a daemon that is not there is waited for. */
  readonly absentUntil: number;
  /** Told why the connection ended, once it had been greeted. */
  readonly onEnd: (error: VriftError) => void;
}

/**
 * Connects and shakes hands, all within the timeout: a daemon that is stopped accepts connections all the same, and only an
 * answer shows that somebody is there. One that ends before it answers was about to leave: the Handshake is made again
 * with whoever comes after it.
 * @throws VriftError as openSocket; ECONNRESET; EPROTO when the versions do not match.
 */
export async function greet(path: string, options: GreetOptions): Promise<Exchange<Buffer>> {
  let doing = "connecting to";
  return await withDeadline(
    () => `${doing} ${path}`,
    options,
    async (signal) => {
      for (let attempt = 1; ; attempt++) {
        doing = "connecting to";
        const socket = await dial(path, signal, options.absentUntil);
        doing = "the handshake on";
        let greeted = false;
        const exchange = new Exchange(socket, new FrameReader(), (error) => {
          if (greeted) options.onEnd(error);
        });
        try {
          await handshake(exchange, signal);
          greeted = true;
          return exchange;
        } catch (error) {
          exchange.close();
          const again = error instanceof UnansweredError && !signal.aborted;
          if (!again || attempt === READ_ATTEMPTS_MAX) throw error;
          // The threads of a process that was killed end one by one, and until then its socket accepts.
          await wait(LEAVING_MS * attempt, undefined, { signal });
        }
      }
    },
  );
}

async function handshake(exchange: Exchange<Buffer>, signal: AbortSignal): Promise<void> {
  const giveUp = (): void => exchange.close();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    if (signal.aborted) giveUp();
    const reply = await converse(exchange, { type: "Handshake", client_version: PROTOCOL_VERSION });
    checkVersion(reply.server_version);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

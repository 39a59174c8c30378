import { setTimeout as wait } from "node:timers/promises";
import { VriftError } from "../platform/errors.js";

/** A daemon that stops makes everything durable first. */
const ENDING_MS = 10_000;
const POLL_MS = 20;

/**
 * Connects and asks, as often as it meets a daemon that is about to end: such a one accepts connections and closes them without an
 * answer (ECONNRESET). Only for what may be asked twice.
 */
export async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + ENDING_MS; ; await wait(POLL_MS)) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof VriftError) || error.code !== "ECONNRESET" || Date.now() > deadline) throw error;
    }
  }
}

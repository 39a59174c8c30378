/** One request and its reply on a connection, typed as the pair that they are. */
import { VriftError } from "../platform/errors.js";
import { decodeResponse } from "../protocol/decode.js";
import { encodeRequest } from "../protocol/encode.js";
import { encodeFrame } from "../protocol/frame.js";
import type { ReplyTo, VeloRequest } from "../protocol/messages.js";
import { requests } from "../protocol/schema.js";
import { parseWireError } from "../protocol/wire-error.js";
import type { Exchange } from "./exchange.js";

/** @throws VriftError as `replyOf`; UnansweredError. */
export async function converse<M extends VeloRequest>(
  exchange: Exchange<Buffer>,
  message: M,
): Promise<ReplyTo<M["type"]>> {
  return replyOf(message, await exchange.send(encodeFrame(encodeRequest(message)), message.type));
}

/**
 * The payload as the type that belongs to the request.
 * @throws VriftError with the code of the daemon's `Error`; EBADMSG when it does not decode; EPROTO for another type.
 */
export function replyOf<M extends VeloRequest>(message: M, payload: Buffer): ReplyTo<M["type"]> {
  const reply = decodeResponse(payload);
  if (reply.type === "Error") throw parseWireError(reply.message);
  const expected: readonly string[] = requests[message.type].replies;
  if (!expected.includes(reply.type)) {
    throw new VriftError(
      "EPROTO",
      `${message.type} was answered with ${reply.type}, not ${expected.join(" or ")}`,
    );
  }
  return reply as unknown as ReplyTo<M["type"]>;
}

/** A traced message decoded: as `debug decode` writes it, but long byte fields cut, with their length said. */
import type { TraceEvent } from "../daemon/control.js";
import { toVriftError } from "../platform/errors.js";
import { decodeMessage } from "../protocol/decode.js";
import { messageTables } from "../protocol/schema.js";
import type { MessageKind } from "../protocol/schema.js";
import { messageToJson } from "../protocol/serde-json.js";
import type { Json } from "../protocol/serde-json.js";

/** Two hashes' worth. */
const BYTES_SHOWN_MAX = 64;

/** What --json prints for an event. Of one that does not decode: why, and the payload; of one too long to be kept: its name. */
export type TraceLine = Omit<TraceEvent, "timeMs" | "payload"> & { readonly time: string } & (
    | { readonly message: Json }
    | { readonly name: string; readonly payload: string }
    | { readonly error: string; readonly payload: string }
  );

export function traceLine({ timeMs, payload, ...facts }: TraceEvent): TraceLine {
  const kind = facts.direction === "request" ? "request" : "response";
  const bytes = Buffer.from(payload, "base64");
  const line = { time: new Date(timeMs).toISOString(), ...facts };
  const name = nameOf(kind, bytes);
  if (bytes.length < facts.bytes && name !== undefined)
    return { ...line, name, payload: shortHex(bytes, facts.bytes) };
  try {
    return { ...line, message: messageToJson(kind, decodeMessage(kind, bytes), shortHex) };
  } catch (error) {
    return { ...line, error: toVriftError(error).toWire(), payload: shortHex(bytes, facts.bytes) };
  }
}

function nameOf(kind: MessageKind, payload: Buffer): string | undefined {
  return payload.length < 4 ? undefined : messageTables[kind].byTag[payload.readUInt32LE(0)]?.[0];
}

function shortHex(bytes: Uint8Array, length: number = bytes.length): string {
  const hex = Buffer.from(bytes.subarray(0, BYTES_SHOWN_MAX)).toString("hex");
  return length <= BYTES_SHOWN_MAX ? hex : `${hex}… (${length} bytes)`;
}

import { toVriftError } from "../platform/errors.js";
import { decodeMessage } from "./decode.js";
import { encodeMessage } from "./encode.js";
import type { MessageKind } from "./schema.js";
import { messageToJson } from "./serde-json.js";

/**
 * One line of `vrift debug decode`: a payload in hexadecimal (an empty line is an empty payload) to one line of JSON,
 * `{"ok":true,"message":…,"again":"<hex>"}` or `{"ok":false,"error":"…"}`. `again` is the message encoded again.
 */
export function decodeLine(kind: MessageKind, line: string): string {
  if (line.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(line)) {
    return JSON.stringify({
      ok: false,
      error: "EINVAL: the line is not an even number of hexadecimal digits",
    });
  }
  try {
    const message = decodeMessage(kind, Buffer.from(line, "hex"));
    const again = encodeMessage(kind, message).toString("hex");
    return JSON.stringify({ ok: true, message: messageToJson(kind, message), again });
  } catch (error) {
    return JSON.stringify({ ok: false, error: toVriftError(error).toWire() });
  }
}

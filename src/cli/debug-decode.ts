import { createInterface } from "node:readline";
import { VriftError } from "../platform/errors.js";
import type { DebugAction } from "./debug-action.js";

export const decode: DebugAction = {
  name: "decode",
  usage: ["decode request|response"],
  about: [
    "decode reads one payload in hexadecimal per line from standard input and answers each with one line:\n" +
      '{"ok":true,"message":…,"again":"<hex>"} or {"ok":false,"error":"…"}. The message is written as serde_json\n' +
      "writes the Rust value, but u64 as decimal strings and bytes in hexadecimal. An empty line is an empty payload.",
  ],
  options: [],
  async run({ write }, [kind, ...others]) {
    if ((kind !== "request" && kind !== "response") || others.length > 0) {
      throw new VriftError(
        "VRIFT_USAGE",
        `debug decode takes \`request\` or \`response\`, not \`${[kind, ...others].join(" ")}\``,
      );
    }
    const { decodeLine } = await import("../protocol/decode-lines.js");
    for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
      write(`${decodeLine(kind, line)}\n`);
    }
    return { data: null, text: "" };
  },
};

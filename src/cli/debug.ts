import { createInterface } from "node:readline";
import { VriftError } from "../platform/errors.js";
import type { Command } from "./command.js";

export const debug: Command = {
  name: "debug",
  summary: "look inside: decode messages of the protocol",
  usage: ["debug decode request|response"],
  about: [
    "Reads one payload in hexadecimal per line from standard input and answers each with one line:\n" +
      '{"ok":true,"message":…,"again":"<hex>"} or {"ok":false,"error":"…"}. The message is written as serde_json\n' +
      "writes the Rust value, but u64 as decimal strings and bytes in hexadecimal. An empty line is an empty payload.",
  ],
  options: {},
  positionals: [2, 2],
  async run({ positionals: [action, kind], write }) {
    if (action !== "decode" || (kind !== "request" && kind !== "response")) {
      throw new VriftError(
        "VRIFT_USAGE",
        `debug knows \`decode request\` and \`decode response\`, not \`${action} ${kind}\``,
      );
    }
    const { decodeLine } = await import("../protocol/decode-lines.js");
    for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
      write(`${decodeLine(kind, line)}\n`);
    }
    return { data: null, text: "" };
  },
};

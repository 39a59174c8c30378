import { createInterface } from "node:readline";
import { VriftError } from "../platform/errors.js";
import { jsonOption, rootOption } from "./command.js";
import type { Command } from "./command.js";

export const debug: Command = {
  name: "debug",
  summary: "look inside: messages of the protocol, the index",
  usage: ["debug decode request|response", "debug index [PATH] [--verify]"],
  about: [
    "Reads one payload in hexadecimal per line from standard input and answers each with one line:\n" +
      '{"ok":true,"message":…,"again":"<hex>"} or {"ok":false,"error":"…"}. The message is written as serde_json\n' +
      "writes the Rust value, but u64 as decimal strings and bytes in hexadecimal. An empty line is an empty payload.",
    "index shows the header of the workspace's index, how full it is and how far names lie from their place; with\n" +
      "PATH that entry (1 when there is none). With --verify it is compared with the manifest and the tree: 1 when they differ.",
  ],
  options: {
    ...rootOption,
    ...jsonOption,
    verify: { type: "boolean", help: "index: compare every entry with the manifest and the tree" },
  },
  positionals: [1, 2],
  async run(context) {
    const {
      positionals: [action, kind],
      write,
    } = context;
    if (action === "index") return await (await import("./debug-index.js")).debugIndex(context, kind);
    if (action !== "decode" || (kind !== "request" && kind !== "response")) {
      throw new VriftError(
        "VRIFT_USAGE",
        `debug knows \`decode request\`, \`decode response\` and \`index\`, not \`${[action, kind].join(" ").trim()}\``,
      );
    }
    const { decodeLine } = await import("../protocol/decode-lines.js");
    for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
      write(`${decodeLine(kind, line)}\n`);
    }
    return { data: null, text: "" };
  },
};

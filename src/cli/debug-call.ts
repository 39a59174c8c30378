import { createInterface } from "node:readline";
import { VriftError, toVriftError } from "../platform/errors.js";
import { PIPELINE_REQUESTS_MAX } from "../platform/limits.js";
import type { VeloRequest } from "../protocol/messages.js";
import type { DebugAction } from "./debug-action.js";
import type { DebugConnection } from "./debug-connection.js";

export const call: DebugAction = {
  name: "call",
  usage: ["call [--socket PATH] [--root DIR] [REQUEST…|-]"],
  about: [
    "call sends each REQUEST, written as decode writes it, on one connection without waiting for earlier replies, and prints\n" +
      "one line of JSON for each reply. Without one, or with -, it reads them from standard input, one per line.\n" +
      "Exit status 1 when some reply was an Error or the connection broke, 2 when a REQUEST cannot be understood.",
  ],
  options: ["socket", "root"],
  async run(context, rest) {
    const fromInput = rest.length === 0 || (rest.length === 1 && rest[0] === "-");
    const { messageFromText } = await import("../protocol/from-json.js");
    const { encodeRequest } = await import("../protocol/encode.js");
    const parse = (text: string, where: string): VeloRequest => {
      try {
        const message = messageFromText("request", text) as VeloRequest;
        encodeRequest(message);
        return message;
      } catch (error) {
        throw new VriftError("VRIFT_USAGE", `${where}: ${toVriftError(error).message}`, { cause: error });
      }
    };
    // All of them before the first is sent: a wrong one must not leave half of a sequence done.
    const given = fromInput ? [] : rest.map((text, i) => parse(text, `request ${i + 1}`));
    const { debugConnection } = await import("./debug-connection.js");
    const connection = await debugConnection(context);
    const replies = new Replies(connection, context.write);
    try {
      for (const message of given) await replies.ask(message);
      if (fromInput) {
        let number = 0;
        for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
          number++;
          if (line.trim() !== "") await replies.ask(parse(line, `line ${number}`));
        }
      }
    } finally {
      await replies.all();
      connection.close();
    }
    return { data: null, text: "", exitCode: replies.errors > 0 ? 1 : 0 };
  },
};

/** Replies as they come, printed in the order of the requests. */
class Replies {
  errors = 0;
  readonly #connection: DebugConnection;
  readonly #write: (part: string) => void;
  readonly #printing = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(connection: DebugConnection, write: (part: string) => void) {
    this.#connection = connection;
    this.#write = write;
  }

  /** Resolves when there is room for another one. */
  async ask(message: VeloRequest): Promise<void> {
    const printing = this.#print(message).finally(() => this.#printing.delete(printing));
    this.#printing.add(printing);
    if (this.#printing.size >= PIPELINE_REQUESTS_MAX) await Promise.race(this.#printing);
    this.#rethrow();
  }

  /** Every reply was printed. @throws the first error of the connection. */
  async all(): Promise<void> {
    await Promise.all(this.#printing);
    this.#rethrow();
  }

  async #print(message: VeloRequest): Promise<void> {
    try {
      const reply = await this.#connection.call(message);
      const { messageToJson } = await import("../protocol/serde-json.js");
      if (reply.type === "Error") this.errors++;
      this.#write(`${JSON.stringify(messageToJson("response", reply))}\n`);
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

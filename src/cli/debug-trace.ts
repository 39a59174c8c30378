import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { connectControl, connectProjectControl } from "../client/control-client.js";
import type { ControlClient, LineClient } from "../client/control-client.js";
import type { OpenOptions } from "../client/open-socket.js";
import type { TraceOperation } from "../daemon/control.js";
import { VriftError, toVriftError } from "../platform/errors.js";
import { SUCCESSION_MS } from "../platform/limits.js";
import { workspacePaths } from "../platform/paths.js";
import type { Context } from "./command.js";
import type { DebugAction } from "./debug-action.js";
import type { TracePrinter } from "./trace-printer.js";

export const trace: DebugAction = {
  name: "trace",
  usage: ["trace [--project DIR] [--json]"],
  about: [
    "trace prints what is said on the daemon's connections from now on, or with --project on those of the project's own\n" +
      "process, until it is interrupted: a line for each request with its reply, or with --json one for each message. Times\n" +
      "are from request to reply as that process saw them. Byte fields over 64 bytes are cut. It starts no daemon.",
  ],
  options: ["project", "json"],
  async run(context, rest) {
    if (rest.length > 0) throw new VriftError("VRIFT_USAGE", "debug trace takes no arguments");
    const { jsonPrinter, textPrinter } = await import("./trace-printer.js");
    const ended = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => ended.abort());
    const printer = context.flag("json") ? jsonPrinter : textPrinter();
    try {
      await new Following(context, printer, ended).run(await tracedProcess(context));
    } catch (error) {
      if (!ended.signal.aborted) throw error;
    }
    return { data: undefined, text: "" };
  },
};

/** A control connection to either kind of daemon. */
interface Traced {
  poll(request: TraceOperation["request"]): Promise<TraceOperation["reply"]>;
  close(): void;
}

/** What both clients are. */
type TracedClient = Pick<LineClient<{ trace: TraceOperation }>, "call" | "close">;
type Connect = (options: OpenOptions) => Promise<Traced>;

class Following {
  readonly #context: Context;
  readonly #printer: TracePrinter;
  readonly #ended: AbortController;

  /** @param ended also ended here, when nobody reads any more. */
  constructor(context: Context, printer: TracePrinter, ended: AbortController) {
    this.#context = context;
    this.#printer = printer;
    this.#ended = ended;
  }

  /** Until `ended`, from one process to its successor. @throws VriftError ECONNREFUSED, ETIMEDOUT when there is none. */
  async run(connect: Connect): Promise<void> {
    const { signal } = this.#ended;
    let traced = await connect({ signal });
    let what = "following";
    while (!signal.aborted) {
      try {
        await this.#one(traced, what);
      } catch (error) {
        if (signal.aborted) break;
        if (toVriftError(error).code !== "ECONNRESET") throw error;
      } finally {
        traced.close();
      }
      if (signal.aborted) break;
      what = "that process serves no longer; following";
      traced = await connect({ signal, waitForDaemon: true, timeoutMs: SUCCESSION_MS });
    }
    this.#print(this.#printer.rest());
  }

  /** Until `ended`, or it throws. */
  async #one(traced: Traced, what: string): Promise<void> {
    const { signal } = this.#ended;
    const give = (): void => traced.close();
    signal.addEventListener("abort", give, { once: true });
    try {
      let { next } = await traced.poll({});
      this.#context.note(`vrift: ${what} the traffic; an interrupt ends it`);
      while (!signal.aborted) {
        const reply = await traced.poll({ after: next });
        next = reply.next;
        const lines = reply.events.map((event) => this.#printer.event(event));
        this.#print([reply.dropped > 0 ? this.#printer.dropped(reply.dropped) : "", ...lines].join(""));
      }
    } finally {
      signal.removeEventListener("abort", give);
    }
  }

  #print(text: string): void {
    if (text !== "" && !this.#context.tryWrite(text)) this.#ended.abort();
  }
}

/** How the process is reached. A project that is not open is opened by vriftd. */
async function tracedProcess(context: Context): Promise<Connect> {
  const toDaemon = (options: OpenOptions): Promise<ControlClient> =>
    connectControl({ ...options, socketPath: context.home.controlSocket });
  const project = context.value("project");
  if (project === undefined) return async (options) => traced(await toDaemon(options));
  const root = realpathSync.native(resolve(context.cwd, project));
  const { realWorkspaceId } = await import("../client/real-tree.js");
  const socket = workspacePaths(context.home, await realWorkspaceId(root)).control;
  return async (options) => {
    try {
      return traced(await connectProjectControl(socket, options));
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!["ECONNREFUSED", "ETIMEDOUT"].includes(toVriftError(error).code)) throw error;
    }
    const daemon = await toDaemon(options);
    try {
      const { control } = await daemon.call("open", { root });
      return traced(await connectProjectControl(control, options));
    } finally {
      daemon.close();
    }
  };
}

function traced(client: TracedClient): Traced {
  return { poll: (request) => client.call("trace", request), close: () => client.close() };
}

import type { Context, OptionTable, Outcome } from "./command.js";

/** One word after `vrift debug`, a file each. */
export interface DebugAction {
  readonly name: string;
  /** Each way to call it, without the leading `vrift debug`. */
  readonly usage: readonly string[];
  readonly about: readonly string[];
  /** Names of `debugOptions` that it takes. */
  readonly options: readonly (keyof typeof debugOptions)[];
  /** @param rest the arguments after the word. */
  run(context: Context, rest: readonly string[]): Promise<Outcome>;
}

/** One table, so that an option means the same in all of them. */
export const debugOptions = {
  socket: { type: "string", value: "PATH", help: "the socket to talk to, instead of the daemon's" },
  root: { type: "string", value: "DIR", help: "the workspace's root; call and ping register it first" },
  count: { type: "string", value: "N", help: "ping: round trips of each kind, 1000 by default" },
  project: { type: "string", value: "DIR", help: "trace: the project's own process, instead of the daemon" },
  verify: { type: "boolean", help: "index: compare every entry with the manifest and the tree" },
  json: { type: "boolean", help: "print the result as JSON" },
} as const satisfies OptionTable;

import { VriftError } from "../platform/errors.js";
import type { Command } from "./command.js";
import { debugOptions } from "./debug-action.js";
import type { DebugAction } from "./debug-action.js";
import { call } from "./debug-call.js";
import { decode } from "./debug-decode.js";
import { inspectIndex } from "./debug-index-action.js";
import { ping } from "./debug-ping.js";
import { trace } from "./debug-trace.js";

/** In the order of the help text. */
const actions: readonly DebugAction[] = [decode, call, ping, trace, inspectIndex];

export const debug: Command = {
  name: "debug",
  summary: "look inside: messages, a request by hand, round trips, live traffic, the index",
  usage: actions.flatMap(({ usage }) => usage.map((line) => `debug ${line}`)),
  about: actions.flatMap(({ about }) => about),
  options: debugOptions,
  positionals: [1, Infinity],
  async run(context) {
    const [word, ...rest] = context.positionals;
    const action = actions.find(({ name }) => name === word);
    if (action === undefined) {
      const names = actions.map(({ name }) => `\`${name}\``).join(", ");
      throw new VriftError("VRIFT_USAGE", `debug knows ${names}, not \`${word}\``);
    }
    for (const [name, { type }] of Object.entries(debugOptions)) {
      const given = type === "boolean" ? context.flag(name) : context.value(name) !== undefined;
      if (given && !action.options.includes(name as keyof typeof debugOptions))
        throw new VriftError("VRIFT_USAGE", `debug ${action.name} has no option --${name}`);
    }
    return action.run(context, rest);
  },
};

/** Command lines into options and positionals, by a command's table. */
import { parseArgs } from "node:util";
import { VriftError } from "../platform/errors.js";
import type { Command, Context, OptionTable, Surroundings } from "./command.js";
import { suggest } from "./suggest.js";

export interface Arguments {
  readonly positionals: readonly string[];
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
}

const helpOption: OptionTable = { help: { type: "boolean", short: "h", help: "explain this command" } };

/** The command's options and those that every command has. */
export function optionsOf(command: Command): OptionTable {
  return { ...command.options, ...helpOption };
}

/** @throws VriftError VRIFT_USAGE. With --help the positionals are not counted. */
export function parseArguments(command: Command, args: readonly string[]): Arguments {
  const options = optionsOf(command);
  const { values, positionals } = parse(command, args, options);
  if (values["help"] !== true) checkCount(command, positionals);
  return { positionals, values };
}

/** The same context for other arguments. */
export function contextWith(context: Surroundings, { positionals, values }: Arguments): Context {
  return {
    ...context,
    positionals,
    flag: (name) => values[name] === true,
    value: (name) => {
      const value = values[name];
      return typeof value === "string" ? value : undefined;
    },
  };
}

/**
 * For commands whose arguments are another command's line: how many of `args` are our own options, `--` included.
 * The rest belongs to COMMAND, whatever it looks like.
 */
export function ownOptionCount(command: Command, args: readonly string[]): number {
  const options = optionsOf(command);
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? "";
    if (word === "--") return i + 1;
    if (!word.startsWith("-") || word === "-") return i;
    const takesNext = Object.entries(options).some(
      ([name, { type, short, bare }]) =>
        type === "string" && bare === undefined && (word === `--${name}` || (short && word === `-${short}`)),
    );
    if (takesNext) i++;
  }
  return args.length;
}

function parse(command: Command, args: readonly string[], options: OptionTable) {
  try {
    return parseArgs({
      args: withBareValues(args, options),
      options: forParseArgs(options),
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    throw new VriftError("VRIFT_USAGE", usageSentence(command, error, options), { cause: error });
  }
}

function withBareValues(args: readonly string[], options: OptionTable): string[] {
  const end = args.indexOf("--");
  return args.map((word, i) => {
    const bare = word.startsWith("--") && (end < 0 || i < end) ? options[word.slice(2)]?.bare : undefined;
    return bare === undefined ? word : `${word}=${bare}`;
  });
}

function forParseArgs(options: OptionTable): Record<string, { type: "boolean" | "string"; short?: string }> {
  return Object.fromEntries(
    Object.entries(options).map(([name, { type, short }]) => [name, short ? { type, short } : { type }]),
  );
}

/** parseArgs' own sentences explain its API; these name the command and what may have been meant. */
function usageSentence(command: Command, error: unknown, options: OptionTable): string {
  const message = error instanceof Error ? error.message : String(error);
  const option = /'(-[^' =]*)/.exec(message)?.[1] ?? "";
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") {
    const meant = suggest(option.replace(/^-+/, ""), Object.keys(options));
    return `${command.name} has no option ${option}${meant ? `; did you mean --${meant}?` : ""}`;
  }
  return `${command.name}: ${message.split(". ")[0]?.replace(/\n.*/s, "") ?? message}`;
}

function checkCount(command: Command, positionals: readonly string[]): void {
  const [fewest, most] = command.positionals;
  const usage = command.usage.map((line) => `vrift ${line}`).join(" | ");
  if (positionals.length < fewest) throw new VriftError("VRIFT_USAGE", `too few arguments; usage: ${usage}`);
  if (positionals.length > most) {
    throw new VriftError(
      "VRIFT_USAGE",
      `unexpected argument ${JSON.stringify(positionals[most])}; usage: ${usage}`,
    );
  }
}

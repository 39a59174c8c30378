/**
 * The first half of `vrift run`: finds the workspace and says what COMMAND's environment needs. The other half, which reads
 * the answer and becomes COMMAND, is native/launcher/launcher.c; the fields are described there too.
 *
 * Few imports: this is what every `vrift run` waits for.
 */
import { resolve } from "node:path";
import { VriftError } from "../platform/errors.js";
import { contextWith, ownOptionCount, parseArguments } from "./arguments.js";
import type { Arguments } from "./arguments.js";
import type { Context, Surroundings } from "./command.js";
import { describeFailure } from "./failure.js";
import { openForRun } from "./open-for-run.js";
import type { RunView } from "./open-for-run.js";
import { run } from "./run.js";

type Field = readonly [
  name: "out" | "exit" | "command" | "preload" | "index" | "phantom" | "stats",
  value: string,
];

const EXIT_VRIFT_FAILED = "125";

/** @param args what follows `run`. Resolves to the fields, each ended by NUL; `end` is the last. */
export async function prepareRun(args: readonly string[], context: Surroundings): Promise<string> {
  return [...(await answer(args, context)).map(([name, value]) => `${name}=${value}`), "end", ""].join("\0");
}

async function answer(args: readonly string[], context: Surroundings): Promise<Field[]> {
  try {
    const own = ownOptionCount(run, args);
    const parsed = ownOptions(args.slice(0, own));
    if (parsed.values["help"] === true) {
      const { explain } = await import("./help.js");
      return [
        ["out", `${explain(run)}\n`],
        ["exit", "0"],
      ];
    }
    if (own === args.length)
      throw new VriftError("VRIFT_USAGE", "run needs a COMMAND; usage: vrift run -- COMMAND");
    const asked = contextWith(context, parsed);
    const stats = statsField(asked);
    const view = await openForRun(asked);
    return [["command", String(own)], ...stats, ...(view ? injection(view) : [])];
  } catch (error) {
    context.note(describeFailure(error).text);
    return [["exit", EXIT_VRIFT_FAILED]];
  }
}

function ownOptions(own: readonly string[]): Arguments {
  const options = own.at(-1) === "--" ? own.slice(0, -1) : own;
  return parseArguments({ ...run, positionals: [0, 0] }, options);
}

function statsField({ value, cwd }: Context): Field[] {
  const how = value("stats");
  if (how === undefined) return [];
  if (how === "text" || how === "json") return [["stats", how]];
  if (how.includes("/")) return [["stats", resolve(cwd, how)]];
  throw new VriftError(
    "VRIFT_USAGE",
    `run: --stats=${how} is neither json nor a path (with a slash, as ./${how})`,
  );
}

function injection({ preload, index, phantom }: RunView): Field[] {
  const fields: Field[] = [
    ["preload", preload],
    ["index", index],
  ];
  return phantom ? [...fields, ["phantom", "1"]] : fields;
}

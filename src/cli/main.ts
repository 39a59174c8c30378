/** The command line: finds the command, runs it, and is the only file that prints. */
import { isatty } from "node:tty";
import { resolveHome } from "../platform/paths.js";
import { contextWith, parseArguments } from "./arguments.js";
import type { Command, Outcome } from "./command.js";
import { describeFailure } from "./failure.js";
import { writeAll } from "./output.js";
import { noBar, progressBar } from "./progress-bar.js";

/** Nobody reads the result any more, as after `vrift ls | head -1`: what a shell shows for SIGPIPE. */
const BROKEN_PIPE = 141;

const progress = isatty(2)
  ? progressBar(
      (text) => writeAll(2, text),
      () => process.stderr.columns || 80,
    )
  : noBar;

function tryPrint(part: string | Uint8Array): boolean {
  progress.clear();
  return writeAll(1, part);
}

function print(part: string | Uint8Array): void {
  if (!tryPrint(part)) process.exit(BROKEN_PIPE);
}

function note(line: string): void {
  progress.clear();
  writeAll(2, `${line}\n`);
}

/** All but the arguments. `home` is not configured yet: `run` does without. */
const surroundings = {
  cwd: process.cwd(),
  env: process.env,
  home: resolveHome(),
  write: print,
  tryWrite: tryPrint,
  note,
  progress,
};

async function runCommand(command: Command, args: readonly string[]): Promise<number> {
  const parsed = parseArguments(command, args);
  if (parsed.values["help"] === true) {
    const { explain } = await import("./help.js");
    print(`${explain(command)}\n`);
    return 0;
  }
  const { configured } = await import("./configured.js");
  const home = await configured(surroundings.home, command.anyStore);
  const outcome = await command.run(contextWith({ ...surroundings, home }, parsed));
  progress.clear();
  printOutcome(outcome, parsed.values["json"] === true);
  return outcome.exitCode ?? 0;
}

function printOutcome({ data, text }: Outcome, json: boolean): void {
  if (data === undefined) return;
  if (json)
    print(
      `${JSON.stringify(data, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value))}\n`,
    );
  else if (text !== "") print(`${text}\n`);
}

async function main([word, ...rest]: readonly string[]): Promise<number> {
  if (word === "run-prepare") {
    const { prepareRun } = await import("./run-prepare.js");
    print(await prepareRun(rest, surroundings));
    return 0;
  }
  if (word === "--version" || word === "-V") {
    const { packageVersion } = await import("../platform/build.js");
    print(`vrift ${packageVersion()}\n`);
    return 0;
  }
  const { allCommands, commandNames, findCommand } = await import("./commands.js");
  if (word === undefined || word === "--help" || word === "-h" || word === "help") {
    const asked = word === "help" ? rest[0] : undefined;
    if (asked !== undefined) return main([asked, "--help"]);
    const { overview } = await import("./help.js");
    const text = overview(await allCommands());
    if (word === undefined) note(text);
    else print(`${text}\n`);
    return word === undefined ? 2 : 0;
  }
  const command = await findCommand(word);
  if (command) return runCommand(command, rest);
  const { unknownCommand } = await import("./unknown-command.js");
  throw unknownCommand(word, commandNames);
}

function fail(thrown: unknown): never {
  const { text, exitCode } = describeFailure(thrown);
  note(text);
  process.exit(exitCode);
}

/** The bar goes before the signal does what it does by itself. */
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  if (progress === noBar) break;
  process.once(signal, () => {
    progress.clear();
    process.kill(process.pid, signal);
  });
}
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);
// Handles of a finished command (a connection, a watcher) must not keep the process: what is printed is written.
main(process.argv.slice(2)).then((code) => process.exit(code), fail);

/** Help texts, made from the commands' tables. */
import { optionsOf } from "./arguments.js";
import type { Command, OptionTable } from "./command.js";

export function overview(commands: readonly Command[]): string {
  return [
    "vrift: a project tree as content: one store per machine, a manifest per tree, unchanged programs on top.",
    "",
    "Usage: vrift COMMAND [options]",
    "",
    "Commands:",
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    "",
    "Options:",
    ...columns([
      ["-h, --help", "this text; after a command: explain the command"],
      ["-V, --version", "print the version"],
    ]),
    "",
    "Environment:",
    ...columns([
      ["VRIFT_HOME", "where everything is kept (~/.vrift)"],
      ["VR_THE_SOURCE", "the content store ($VRIFT_HOME/the_source)"],
      ["VRIFT_SOCKET", "the daemon's only socket"],
      ["VRIFT_TRACE", "for `run`: a file that gets a line for each intercepted call, for reports of bugs"],
    ]),
    "",
    "Exit status: 0 done, 1 failed, 2 not understood; of `run`: the command's own, 125 vrift failed,",
    "126 the command cannot be executed, 127 there is no such command.",
  ].join("\n");
}

export function explain(command: Command): string {
  return [
    `${command.name}: ${command.summary}`,
    "",
    ...command.usage.map((line, i) => `${i === 0 ? "Usage:" : "      "} vrift ${line}`),
    ...(command.about ?? []).flatMap((paragraph) => ["", paragraph]),
    "",
    "Options:",
    ...columns(optionLines(optionsOf(command))),
  ].join("\n");
}

function optionLines(options: OptionTable): [string, string][] {
  return Object.entries(options).map(([name, option]) => {
    const value = option.value && (option.bare === undefined ? ` ${option.value}` : `[=${option.value}]`);
    const long = `--${name}${value ?? ""}`;
    return [option.short ? `-${option.short}, ${long}` : `    ${long}`, option.help];
  });
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

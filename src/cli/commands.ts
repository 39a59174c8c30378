/**
 * The one table of commands, in the order of the help text. Modules are loaded when asked for: `run` must not pay for
 * the others.
 */
import type { Command } from "./command.js";

const modules = {
  run: async () => (await import("./run.js")).run,
  debug: async () => (await import("./debug.js")).debug,
} as const satisfies Readonly<Record<string, () => Promise<Command>>>;

export const commandNames: readonly string[] = Object.keys(modules);

export async function findCommand(name: string): Promise<Command | undefined> {
  return Object.hasOwn(modules, name) ? modules[name as keyof typeof modules]() : undefined;
}

export function allCommands(): Promise<Command[]> {
  return Promise.all(Object.values(modules).map((load) => load()));
}

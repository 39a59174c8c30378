/**
 * The one table of commands, in the order of the help text. Modules are loaded when asked for: `run` must not pay for
 * the others.
 */
import type { Command } from "./command.js";

const modules = {
  run: async () => (await import("./run.js")).run,
  phantom: async () => (await import("./phantom.js")).phantom,
  solid: async () => (await import("./solid.js")).solid,
  clone: async () => (await import("./clone.js")).clone,
  ingest: async () => (await import("./ingest.js")).ingest,
  diff: async () => (await import("./diff.js")).diff,
  adopt: async () => (await import("./adopt.js")).adopt,
  commit: async () => (await import("./commit.js")).commit,
  snapshot: async () => (await import("./snapshot.js")).snapshot,
  restore: async () => (await import("./restore.js")).restore,
  list: async () => (await import("./list.js")).list,
  forget: async () => (await import("./forget.js")).forget,
  ls: async () => (await import("./ls.js")).ls,
  stat: async () => (await import("./stat.js")).stat,
  explain: async () => (await import("./explain.js")).explain,
  cat: async () => (await import("./cat.js")).cat,
  du: async () => (await import("./du.js")).du,
  verify: async () => (await import("./verify.js")).verify,
  gc: async () => (await import("./gc.js")).gc,
  sync: async () => (await import("./sync.js")).sync,
  status: async () => (await import("./status.js")).status,
  daemon: async () => (await import("./daemon.js")).daemon,
  "shell-hook": async () => (await import("./shell-hook.js")).shellHookCommand,
  doctor: async () => (await import("./doctor.js")).doctor,
  debug: async () => (await import("./debug.js")).debug,
} as const satisfies Readonly<Record<string, () => Promise<Command>>>;

export const commandNames: readonly string[] = Object.keys(modules);

export async function findCommand(name: string): Promise<Command | undefined> {
  return Object.hasOwn(modules, name) ? modules[name as keyof typeof modules]() : undefined;
}

export function allCommands(): Promise<Command[]> {
  return Promise.all(Object.values(modules).map((load) => load()));
}

import { spawnSync } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { rootOption } from "./command.js";
import type { Command } from "./command.js";

export const run: Command = {
  name: "run",
  summary: "run COMMAND with the project's tree as vrift has it",
  usage: ["run [options] [--] COMMAND [ARGUMENT...]"],
  about: [
    "Becomes COMMAND: descriptors, limits, signals, terminal, process id and exit status are its own. Works in any\n" +
      "directory with no set-up and never changes the tree by itself. Without a daemon COMMAND runs all the same.",
    "A static program (no dynamic loader) cannot be entered and sees only the files on disk; --hydrate puts all of\n" +
      "them there first.",
    "--stats counts calls answered from the index and those sent to the kernel (and why), and files that were made\n" +
      "physical; it tells them on standard error when COMMAND has ended. With =json as one object with every family of\n" +
      "calls, with =PATH (a slash in it) into a file. COMMAND is a child of vrift then, which ends as COMMAND does.",
    "VRIFT_TRACE=FILE appends a line for each intercepted call of every program of the run: time, process, thread, call,\n" +
      "path, result, who answered and why. It has paths of your machine in it. docs/observing.md explains every word.",
    "Exit status: COMMAND's own; 125 vrift failed, 126 COMMAND cannot be executed, 127 there is no such command.",
  ],
  options: {
    ...rootOption,
    stats: { type: "string", value: "json|PATH", bare: "text", help: "count calls and who answered them" },
    hydrate: { type: "boolean", help: "first put every file in place, for static programs" },
  },
  positionals: [1, Number.POSITIVE_INFINITY],
  /** The sh launcher starts build/native/vrift-launcher itself; this is for who starts main.js by hand. */
  run() {
    const launcher = fileURLToPath(new URL("../../../build/native/vrift-launcher", import.meta.url));
    const { status, signal, error } = spawnSync(launcher, process.argv.slice(2), { stdio: "inherit" });
    if (error) return Promise.reject(error);
    const exitCode = signal === null ? (status ?? 125) : 128 + constants.signals[signal];
    return Promise.resolve({ data: null, text: "", exitCode });
  },
};

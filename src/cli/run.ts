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
    "Exit status: COMMAND's own; 125 vrift failed, 126 COMMAND cannot be executed, 127 there is no such command.",
  ],
  options: {
    ...rootOption,
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

import { fileURLToPath } from "node:url";
import { VriftError } from "../platform/errors.js";
import type { Command } from "./command.js";
import { SHELLS, shellHook } from "./shell-hooks.js";

export const shellHookCommand: Command = {
  name: "shell-hook",
  summary: "print what makes a shell see the project it is in, as `vrift run` does",
  usage: [`shell-hook ${SHELLS.join("|")}`],
  about: [
    'In ~/.bashrc: eval "$(vrift shell-hook bash)"; in ~/.zshrc: eval "$(vrift shell-hook zsh)"; in\n' +
      "~/.config/fish/config.fish: vrift shell-hook fish | source",
    "On entering a project that vrift knows, by `vrift run`, `phantom` or `clone`, programs that the shell starts see it as\n" +
      "under `vrift run`; on leaving, what was there before is put back. The shell itself is not in it: it does not see what\n" +
      "is only virtual when it redirects, expands names or sources files.",
  ],
  options: {},
  positionals: [1, 1],
  anyStore: true,
  run({ positionals: [name] }) {
    const shell = SHELLS.find((each) => each === name);
    if (shell === undefined)
      throw new VriftError(
        "VRIFT_USAGE",
        `shell-hook knows ${SHELLS.join(", ")}, not ${JSON.stringify(name)}`,
      );
    const launcher = fileURLToPath(new URL("../../../build/native/vrift-launcher", import.meta.url));
    return Promise.resolve({ data: null, text: shellHook(shell, launcher).trimEnd() });
  },
};

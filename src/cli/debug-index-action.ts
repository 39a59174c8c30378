import { VriftError } from "../platform/errors.js";
import type { DebugAction } from "./debug-action.js";

/** Its work is in debug-index.ts, loaded when it is asked for. */
export const inspectIndex: DebugAction = {
  name: "index",
  usage: ["index [--root DIR] [--json] [PATH]", "index --verify [--root DIR] [--json]"],
  about: [
    "index shows the header of the workspace's index, how full it is and how far names lie from their place; with\n" +
      "PATH that entry (1 when there is none). With --verify it is compared with the manifest and the tree: 1 when they differ.",
  ],
  options: ["root", "json", "verify"],
  async run(context, [path, ...others]) {
    if (others.length > 0) throw new VriftError("VRIFT_USAGE", "debug index takes one PATH");
    if (path !== undefined && context.flag("verify"))
      throw new VriftError("VRIFT_USAGE", "debug index --verify compares the whole index, and takes no PATH");
    return (await import("./debug-index.js")).debugIndex(context, path);
  },
};

import { connectProjectControl } from "../client/control-client.js";
import { jsonOption, rootOption } from "./command.js";
import type { Command } from "./command.js";
import { connectDaemon } from "./connect-daemon.js";
import { workspaceRoot } from "./located.js";

export const sync: Command = {
  name: "sync",
  summary: "wait until what programs are told is what is there now",
  usage: ["sync [--root DIR]"],
  about: [
    "Needed by nobody who works through vrift. Programs outside are seen within a millisecond; what the\n" +
      "system tells nobody of (a file changed through a mapping, or through a link from elsewhere) is found\n" +
      "by looking at every name, which this does.",
  ],
  options: { ...rootOption, ...jsonOption },
  positionals: [0, 0],
  async run(context) {
    const root = workspaceRoot(context);
    const daemon = await connectDaemon(context);
    try {
      const { control } = await daemon.call("open", { root });
      const project = await connectProjectControl(control);
      try {
        const { report, workspace } = await project.call("settle", {});
        const { added, removed } = report;
        const why = workspace.distrust === undefined ? "" : `; the kernel answers: ${workspace.distrust}`;
        return {
          data: { root, entries: workspace.entries, ...report, distrust: workspace.distrust ?? null },
          text: `${root}: ${workspace.entries} entries, ${added} new, ${removed} gone${why}`,
        };
      } finally {
        project.close();
      }
    } finally {
      daemon.close();
    }
  },
};

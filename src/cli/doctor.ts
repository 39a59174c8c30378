import { toVriftError } from "../platform/errors.js";
import { jsonOption, rootOption } from "./command.js";
import type { Command, Context } from "./command.js";
import { daemonAnswers, phantomOpens } from "./doctor-daemon.js";
import { findingText } from "./doctor-finding.js";
import type { Finding } from "./doctor-finding.js";
import { addon, build, compiler, inotifyLimits, library, nodeVersion } from "./doctor-machine.js";
import { homePermissions, notOnNfs, sockets, store, workingTree } from "./doctor-places.js";
import { workspaceRoot } from "./located.js";

export const doctor: Command = {
  name: "doctor",
  summary: "look for what keeps vrift from working, and say what to do",
  usage: ["doctor"],
  about: [
    "Each line is ok, warn (works, but not as it could) or fail. Ends with 1 when something fails. Starts the daemon.",
  ],
  options: { ...rootOption, ...jsonOption },
  positionals: [0, 0],
  anyStore: true,
  async run(context) {
    const findings = await examine(context);
    const failed = findings.filter(({ level }) => level === "fail").length;
    const warned = findings.filter(({ level }) => level === "warn").length;
    const verdict =
      failed > 0 ? `${failed} fail, ${warned} warn` : warned > 0 ? `works; ${warned} warn` : "all is well";
    return {
      data: findings,
      text: [...findings.map(findingText), "", verdict].join("\n"),
      exitCode: failed > 0 ? 1 : 0,
    };
  },
};

async function examine(context: Context): Promise<Finding[]> {
  const { home } = context;
  return [
    nodeVersion(),
    compiler(),
    build(),
    addon(),
    library(home),
    homePermissions(home),
    notOnNfs(home),
    sockets(home),
    ...store(home),
    ...(await tree(context)),
    inotifyLimits(),
    await daemonAnswers(context),
  ];
}

async function tree(context: Context): Promise<Finding[]> {
  try {
    const root = workspaceRoot(context);
    return [...workingTree(root, context.home), ...(await phantomOpens(context, root))];
  } catch (error) {
    const { message } = toVriftError(error);
    return [
      {
        level: "warn",
        what: `no workspace here: ${message}`,
        advice: "Call it in a project, or with --root DIR.",
      },
    ];
  }
}

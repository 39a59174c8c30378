import { connectIfRunning } from "../daemon/start.js";
import { VriftError, toVriftError } from "../platform/errors.js";
import { jsonOption } from "./command.js";
import type { Command, Context, Outcome } from "./command.js";
import { connectDaemon } from "./connect-daemon.js";
import { daemonStatus } from "./daemon-status.js";
import { followFile, lastLines } from "./follow-file.js";
import { daemonText } from "./status.js";
import { stopRunning } from "./stop-daemon.js";
import type { Stopped } from "./stop-daemon.js";
import { within } from "./within.js";

const LINES = 200;
/** A new process has to start, and to open what the old one had open. */
const HAND_OVER_MS = 30_000;
/** A frozen one is not waited for that long. */
const ANSWER_MS = 5000;

const actions: Readonly<Record<string, (context: Context) => Promise<Outcome>>> = {
  start: async (context) => {
    if (context.flag("foreground")) return become();
    (await connectDaemon(context)).close();
    return statusOutcome(context);
  },
  stop: async ({ home }) => {
    const stopped = await stopRunning(home);
    return {
      data: { stopped: stopped?.pid ?? null, killed: stopped?.killed ?? false },
      text: stopText(stopped),
    };
  },
  restart: async (context) => {
    if (!(await handedOver(context))) {
      await stopRunning(context.home);
      (await connectDaemon(context)).close();
    }
    return statusOutcome(context);
  },
  status: statusOutcome,
  logs,
  install: async (context) => (await import("./daemon-install.js")).install(context),
  uninstall: async (context) => (await import("./daemon-install.js")).uninstall(context),
};

export const daemon: Command = {
  name: "daemon",
  summary: "start, stop or restart the daemon; show its state or its log; leave it to systemd",
  usage: [
    "daemon start [--foreground]",
    "daemon stop|restart|status",
    "daemon logs [-f] [--lines N]",
    "daemon install|uninstall",
  ],
  about: [
    "One daemon serves a home, with a process for each project; commands start it when it is needed. Stopping ends them all\n" +
      "and loses nothing; programs that run go on. `restart` hands over to a new process without a failed request.\n" +
      "`status` ends with 1 when none runs.",
    "`start --foreground` is for containers and supervisors: it stays, also as process 1, logs on standard error as\n" +
      "well, ends in order on SIGTERM, and takes listening sockets that it is given (LISTEN_FDS).",
    "`install` writes a pair of systemd user units, vriftd.socket and vriftd.service, with which systemd listens and\n" +
      "starts the daemon when it is needed; a stopped one is started again by the next command. `uninstall` takes them\n" +
      "back. Units that were changed are left alone.",
  ],
  options: {
    foreground: { type: "boolean", help: "start: be the daemon instead of starting one" },
    follow: { type: "boolean", short: "f", help: "logs: go on as the log grows" },
    lines: { type: "string", value: "N", help: `logs: so many lines of the end (${LINES})` },
    ...jsonOption,
  },
  positionals: [1, 1],
  anyStore: true,
  async run(context) {
    const [name = ""] = context.positionals;
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (!action) {
      const known = Object.keys(actions).join(", ");
      throw new VriftError("VRIFT_USAGE", `daemon knows ${known}, not ${JSON.stringify(name)}`);
    }
    return action(context);
  },
};

/** This process is the daemon from now on. Never resolves: it ends when it is stopped. */
async function become(): Promise<Outcome> {
  const { serveHome } = await import("../daemon/vriftd.js");
  await serveHome({ foreground: true });
  return new Promise<Outcome>(() => undefined);
}

/** False: none runs, or it is one that cannot (frozen, of an older release): then stopping and starting does. */
async function handedOver({ home, note }: Context): Promise<boolean> {
  let control;
  try {
    control = await connectIfRunning(home);
    if (control === undefined) return false;
    await within(ANSWER_MS, "the daemon's answer", control.call("status", {}));
    await within(HAND_OVER_MS, "the hand-over", control.call("restart", {}));
    return true;
  } catch (error) {
    const { code, message } = toVriftError(error);
    note(`vrift: ${code}: ${message}; stopping it instead`);
    return false;
  } finally {
    control?.close();
  }
}

function stopText(stopped: Stopped | null): string {
  if (!stopped) return "No daemon was running.";
  const { pid, killed } = stopped;
  if (!killed) return `Stopped the daemon, process ${pid}.`;
  return `Killed the daemon, process ${pid}, which did not answer. What it had acknowledged is kept.`;
}

async function statusOutcome({ home }: Context): Promise<Outcome> {
  const status = await daemonStatus(home);
  if (!status) return { data: null, text: "No daemon is running; commands start it.", exitCode: 1 };
  const text = [
    `daemon   ${daemonText(status)}`,
    ...status.sockets.map((path) => `socket   ${path}`),
    `log      ${home.daemonLog}`,
  ];
  return { data: status, text: text.join("\n") };
}

async function logs(context: Context): Promise<Outcome> {
  const asked = context.value("lines") ?? String(LINES);
  if (!/^\d{1,9}$/.test(asked))
    throw new VriftError("VRIFT_USAGE", `--lines takes a number, not ${JSON.stringify(asked)}`);
  const { text, end } = lastLines(context.home.daemonLog, Number(asked));
  if (!context.flag("follow"))
    return { data: text.split("\n").filter((line) => line !== ""), text: text.replace(/\n$/, "") };
  context.write(text);
  await followFile(context.home.daemonLog, end, context.write);
  return { data: null, text: "" };
}

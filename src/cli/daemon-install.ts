/** `vrift daemon install` and `uninstall`: the user units of unit-files.ts, and systemd told of them where there is one. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, readlinkSync, rmdirSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { VriftError } from "../platform/errors.js";
import { isErrno, unlinkIfPresent, writeFileAtomic } from "../platform/files.js";
import type { Home } from "../platform/paths.js";
import type { Context, Outcome } from "./command.js";
import { SERVICE_UNIT, SOCKET_UNIT, serviceUnit, socketUnit, unitOf } from "./unit-files.js";
import type { UnitFacts } from "./unit-files.js";

type Surroundings = Pick<Context, "home" | "env">;

const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;
/** A user instance that is stuck must not hold up whoever asks. */
const SYSTEMCTL_MS = 30_000;
/** What says where a home is. */
const VARIABLES = ["VRIFT_HOME", "VR_THE_SOURCE", "VRIFT_SOCKET"] as const;
/** Of the young generation, as daemons have it that commands start (src/platform/spawn-detached.ts). */
const NODE_OPTIONS = ["--max-semi-space-size=4"];

const ENABLE = ["enable", "--now", SOCKET_UNIT];

/** Writes both units and has systemd listen; as often as one likes. EEXIST: one of them is changed, or another home's. */
export async function install(context: Surroundings): Promise<Outcome> {
  const { home, env } = context;
  const directory = unitDirectory(env);
  const units = [join(directory, SOCKET_UNIT), join(directory, SERVICE_UNIT)];
  const there = units.map((path) => ownUnit(path, home));
  const made = there.find((unit) => unit?.made !== undefined)?.made;
  // What was missing comes with the first; a repeat finds it written down.
  const facts = {
    home,
    command: commandOfDaemon(),
    variables: variables(env),
    made: made ?? makeDirectories(directory),
  };
  const [socketPath = "", servicePath = ""] = units;
  const changed = [
    writeUnit(socketPath, socketUnit(facts)),
    writeUnit(servicePath, serviceUnit(facts)),
  ].includes(true);
  const refused = (await systemctl(env, ["daemon-reload"])) ?? (await systemctl(env, ENABLE));
  const listens = refused === undefined;
  const text = [
    `${changed ? "Wrote" : "Unchanged:"} ${units.join(" and ")}`,
    listens
      ? "systemd listens for the daemon while you are logged in (`loginctl enable-linger`: always), and starts it when needed."
      : `No user instance of systemd takes them: ${refused}.\n` +
        "Until one does, commands start the daemon as before. Where there is one:\n" +
        `  systemctl --user daemon-reload && systemctl --user ${ENABLE.join(" ")}`,
  ];
  return { data: { units, changed, listens, reason: refused ?? null }, text: text.join("\n") };
}

/** Takes back what `install` did, to the directories it made. EEXIST as install. */
export async function uninstall({ home, env }: Surroundings): Promise<Outcome> {
  const directory = unitDirectory(env);
  const paths = [join(directory, SOCKET_UNIT), join(directory, SERVICE_UNIT)];
  const there = paths.filter((path) => ownUnit(path, home) !== undefined);
  if (there.length === 0) return { data: { removed: [] }, text: "No units are installed." };
  const made = there.map((path) => ownUnit(path, home)?.made).find((path) => path !== undefined);
  const refused =
    (await systemctl(env, ["disable", "--now", SOCKET_UNIT])) ??
    (await systemctl(env, ["stop", SERVICE_UNIT]));
  removeWant(directory);
  for (const path of there) unlinkIfPresent(path);
  if (made !== undefined) removeDirectories(directory, made);
  if (refused === undefined) await systemctl(env, ["daemon-reload"]);
  const told = refused === undefined ? "systemd has stopped them." : `systemd was not told: ${refused}.`;
  return {
    data: { removed: there, stopped: refused === undefined, reason: refused ?? null },
    text: `Removed ${there.join(" and ")}\n${told} Commands start the daemon as before.`,
  };
}

function unitDirectory({ XDG_CONFIG_HOME: configured, HOME: user }: NodeJS.ProcessEnv): string {
  const config = configured && isAbsolute(configured) ? configured : user && join(user, ".config");
  if (!config) throw new VriftError("ENOENT", "neither XDG_CONFIG_HOME nor HOME says where units are");
  return join(config, "systemd", "user");
}

/** Of an unchanged unit of this home; undefined when there is no file. */
function ownUnit(path: string, home: Home): ReturnType<typeof unitOf> {
  const text = readUnit(path);
  if (text === undefined) return undefined;
  const unit = unitOf(text);
  if (unit === undefined)
    throw new VriftError(
      "EEXIST",
      `${path} was changed since vrift wrote it, or is not vrift's, and is left as it is`,
    );
  if (unit.home !== home.root)
    throw new VriftError("EEXIST", `${path} is of the home ${unit.home}, and is left as it is`);
  return unit;
}

function readUnit(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** False when it is there already. */
function writeUnit(path: string, text: string): boolean {
  if (readUnit(path) === text) return false;
  writeFileAtomic(path, Buffer.from(text), { mode: FILE_MODE, durable: true });
  return true;
}

function makeDirectories(path: string): string | undefined {
  return mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
}

/** As far as they are empty: somebody else may have put something there since. */
function removeDirectories(deepest: string, topmost: string): void {
  if (deepest !== topmost && !deepest.startsWith(`${topmost}/`)) return;
  for (let path = deepest; ; path = dirname(path)) {
    try {
      rmdirSync(path);
    } catch (error) {
      if (isErrno(error, "ENOTEMPTY", "ENOENT")) return;
      throw error;
    }
    if (path === topmost) return;
  }
}

/** What `enable` has made, when no systemd could be told to take it back. */
function removeWant(directory: string): void {
  const want = join(directory, "sockets.target.wants", SOCKET_UNIT);
  try {
    if (readlinkSync(want).endsWith(`/${SOCKET_UNIT}`)) unlinkIfPresent(want);
    removeDirectories(dirname(want), dirname(want));
  } catch (error) {
    if (!isErrno(error, "ENOENT", "EINVAL")) throw error;
  }
}

function commandOfDaemon(): UnitFacts["command"] {
  const main = fileURLToPath(new URL("../daemon/main.js", import.meta.url));
  return [process.execPath, ...NODE_OPTIONS, main, "--foreground"];
}

function variables(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(VARIABLES.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

/** undefined when it did; else its last words. */
async function systemctl(env: NodeJS.ProcessEnv, args: readonly string[]): Promise<string | undefined> {
  try {
    await promisify(execFile)("systemctl", ["--user", ...args], { env, timeout: SYSTEMCTL_MS });
    return undefined;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return "there is no systemctl";
    const { stderr = "" } = error as { stderr?: string };
    return stderr.trim().split("\n").at(-1) || `systemctl --user ${args.join(" ")} failed`;
  }
}

/**
 * The pair of systemd user units: what is in them, and how a file says that it is ours. Its first line names the checksum of the rest, so
 * that one that somebody has changed is recognised and left alone.
 */
import { createHash } from "node:crypto";
import { VriftError } from "../platform/errors.js";
import type { Home } from "../platform/paths.js";

export const SOCKET_UNIT = "vriftd.socket";
export const SERVICE_UNIT = "vriftd.service";

export interface UnitFacts {
  readonly home: Home;
  /** Node and its arguments: what becomes vriftd. */
  readonly command: readonly string[];
  /** Variables that say where the home and its parts are. */
  readonly variables: Readonly<Record<string, string>>;
  /** The topmost directory that was made to put the files in; undefined when all were there. */
  readonly made?: string | undefined;
}

const FIRST = "# Written by `vrift daemon install`, which leaves it alone once it is changed: sha256 ";
const HOME = "# Home: ";
const MADE = "# Directories made for it, from here down: ";

export function socketUnit({ home }: UnitFacts): string {
  return signed([
    `${HOME}${JSON.stringify(home.root)}`,
    "[Unit]",
    "Description=Sockets of vrift",
    "",
    "[Socket]",
    ...[home.daemonSocket, home.controlSocket].map((path) => `ListenStream=${specified(path)}`),
    "SocketMode=0600",
    "DirectoryMode=0700",
    "RemoveOnStop=yes",
    "",
    "[Install]",
    "WantedBy=sockets.target",
  ]);
}

export function serviceUnit({ home, command, variables, made }: UnitFacts): string {
  return signed([
    `${HOME}${JSON.stringify(home.root)}`,
    ...(made === undefined ? [] : [`${MADE}${JSON.stringify(made)}`]),
    "[Unit]",
    "Description=vrift",
    `Requires=${SOCKET_UNIT}`,
    `After=${SOCKET_UNIT}`,
    "",
    "[Service]",
    "Type=notify",
    ...Object.entries(variables).map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`),
    // Of arguments a dollar sign is doubled, too; of the program's own path it is not.
    `ExecStart=${command.map((word, i) => (i === 0 ? quoted(word) : quoted(word).replaceAll("$", "$$$$"))).join(" ")}`,
    "# A project's process goes on when vriftd ends unexpectedly, and what was started with Spawn when it stops.",
    "KillMode=process",
    "Restart=on-failure",
    "TimeoutStopSec=60",
    "UMask=0077",
    "# No network. What makes a mount namespace (PrivateTmp=, ProtectSystem= and others) is left out: programs do not believe the",
    "# index of a process in another one.",
    "RestrictAddressFamilies=AF_UNIX",
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "SystemCallFilter=~@clock @module @mount @raw-io @reboot @swap",
    "SystemCallErrorNumber=EPERM",
  ]);
}

/** What an unchanged unit of ours says of itself; undefined for a changed one, or somebody else's. */
export function unitOf(
  text: string,
): { readonly home: string; readonly made: string | undefined } | undefined {
  const end = text.indexOf("\n") + 1;
  if (text.slice(0, end) !== `${FIRST}${checksum(text.slice(end))}\n`) return undefined;
  const lines = text.split("\n");
  const value = (name: string): string | undefined => {
    const line = lines.find((each) => each.startsWith(name));
    return line === undefined ? undefined : (JSON.parse(line.slice(name.length)) as string);
  };
  return { home: value(HOME) ?? "", made: value(MADE) };
}

function signed(lines: readonly string[]): string {
  const text = `${lines.join("\n")}\n`;
  return `${FIRST}${checksum(text)}\n${text}`;
}

function checksum(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A path as systemd.unit(5) reads it where a whole line is one value. */
function specified(path: string): string {
  if (/[\u0000-\u001f\u007f\\]|\s$/.test(path))
    throw new VriftError(
      "EINVAL",
      `${JSON.stringify(path)} cannot be named in a unit; set VRIFT_SOCKET or VRIFT_HOME`,
    );
  return path.replaceAll("%", "%%");
}

/** A word as systemd.syntax(7) reads it between quotes. */
function quoted(word: string): string {
  if (/[\u0000-\u001f\u007f]/.test(word))
    throw new VriftError("EINVAL", `${JSON.stringify(word)} cannot be named in a unit`);
  return `"${word.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%")}"`;
}

/** The servers and the client of the wire cases, each pinned to a core of its own. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { projectRoot } from "../test/e2e/sandbox.js";
import { responses } from "../src/protocol/schema.js";

const CLIENT_CPU = "0";
const SERVER_CPU = "1";
const client = join(projectRoot, "build", "native", "wire-client");
const bareServer = fileURLToPath(new URL("wire-server.js", import.meta.url));
export const daemonMain = fileURLToPath(new URL("../src/daemon/main.js", import.meta.url));

export interface Server {
  readonly name: string;
  readonly path: string;
  readonly pid: number;
  /** Frames each connection sends first. */
  readonly setup: string;
}

export interface Load {
  readonly connections: number;
  readonly depth: number;
  readonly milliseconds: number;
  /** File of frames. */
  readonly requests: string;
}

export interface Measured {
  readonly perSecond: number;
  /** Requests for a second of the server's processor time. */
  readonly perCoreSecond: number;
  /** Nanoseconds; only at depth 1. */
  readonly p50?: number;
  readonly p99?: number;
  readonly p999?: number;
}

/** A Node program on the server's core, ready when somebody accepts on `path`. */
export async function startServer(
  path: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<ChildProcess> {
  const child = spawn("taskset", ["-c", SERVER_CPU, process.execPath, ...args], { env, stdio: "ignore" });
  for (let attempt = 0; attempt < 1000; attempt++) {
    if (existsSync(path) && (await accepts(path))) return child;
    await wait(10);
  }
  throw new Error(`${args.join(" ")} does not accept connections on ${path}`);
}

export function startBareServer(
  kind: "echo" | "parse",
  path: string,
  replyBytes: number,
): Promise<ChildProcess> {
  return startServer(path, [bareServer, kind, path, String(replyBytes)], process.env);
}

/** A run of the client. Throws with what it said. */
export function measure(server: Server, load: Load): Measured {
  const before = processorSeconds(server.pid);
  const done = spawnSync(client, [...clientArguments(server, load), load.requests], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`wire-client on ${server.path}: ${done.stderr}`);
  // Less than the kernel counts, in a toy run.
  const used = Math.max(processorSeconds(server.pid) - before, TICK_SECONDS);
  const said = new Map(done.stdout.split("\n").map((line) => line.split(" ") as [string, string]));
  const number = (name: string): number => Number(said.get(name));
  const all = number("requests") / 0.9;
  return {
    perSecond: number("per_second"),
    perCoreSecond: all / used,
    ...(load.depth === 1 ? { p50: number("p50"), p99: number("p99"), p999: number("p999") } : {}),
  };
}

/** Connections that are set up and then say nothing, until `input` of the child ends. */
export async function idleConnections(server: Server, connections: number): Promise<ChildProcess> {
  const load = { connections, depth: 1, milliseconds: 0 };
  const child = spawn(client, [...clientArguments(server, load), "/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [said] = (await once(child.stdout!, "data")) as [Buffer];
  if (said.toString() !== "ready\n") throw new Error(`wire-client: ${said.toString()}`);
  return child;
}

/** KiB of a process's own memory. */
export function rssAnon(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]);
}

function clientArguments(server: Server, load: Omit<Load, "requests">): string[] {
  const { connections, depth, milliseconds } = load;
  const tag = responses.ManifestAck.tag;
  const numbers = [CLIENT_CPU, connections, depth, milliseconds, tag].map(String);
  return [server.path, ...numbers, server.setup];
}

const TICK_SECONDS = 0.01;

/** Of all its threads; the kernel counts in ticks. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function accepts(path: string): Promise<boolean> {
  const socket = connect({ path });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

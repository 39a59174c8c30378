/** Round trips of one client, one request at a time, while this process goes on with other things. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { projectRoot } from "../test/e2e/sandbox.js";
import { responses } from "../src/protocol/schema.js";

const client = join(projectRoot, "build", "native", "wire-client");
const NOT_PINNED = "-1";

export interface Asked {
  readonly path: string;
  /** Files of frames: what the connection sends first, and what is measured. */
  readonly setup: string;
  readonly requests: string;
}

/** Nanoseconds. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

/** Throws when any reply is not a ManifestAck, or the connection ends. */
export async function measureLatency(asked: Asked, milliseconds: number): Promise<Latency> {
  const said = await runClient(asked, { connections: 1, depth: 1, milliseconds }).done;
  const number = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(said)?.[1]);
  return { p50: number("p50"), p99: number("p99"), worst: number("worst") };
}

export interface RunningClient {
  /** What it printed; rejects when a request failed. */
  readonly done: Promise<string>;
  end(): void;
}

export function runClient(
  { path, setup, requests }: Asked,
  load: { readonly connections: number; readonly depth: number; readonly milliseconds: number },
): RunningClient {
  const { connections, depth, milliseconds } = load;
  const numbers = [NOT_PINNED, connections, depth, milliseconds, responses.ManifestAck.tag].map(String);
  const child = spawn(client, [path, ...numbers, setup, requests], { stdio: ["ignore", "pipe", "pipe"] });
  const run = async (): Promise<string> => {
    const [[code], said, why] = await Promise.all([
      once(child, "exit") as Promise<[number | null]>,
      text(child.stdout),
      text(child.stderr),
    ]);
    if (code !== 0) throw new Error(`a request on ${path} failed: ${why}`);
    return said;
  };
  return { done: run(), end: () => child.kill() };
}

/** fault-walk-child.ts in a process of its own. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { FaultWalk } from "../workspace/run-fault-walk.js";

export const PROCEDURES = ["phantom", "solid", "clone", "snapshot", "restore"] as const;

const child = fileURLToPath(new URL("./fault-walk-child.js", import.meta.url));

/** @param points a number of them, or `/N`: one of every N calls. */
export async function runFaultWalk(procedure: string, seed: number, points: string): Promise<FaultWalk> {
  const args = [child, procedure, String(seed), points];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 26 });
  return JSON.parse(stdout) as FaultWalk;
}

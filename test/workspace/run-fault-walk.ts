/** fault-walk-child.ts in a process of its own. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export interface FaultWalk {
  /** Calls of the procedure that can fail, and at how many of them one did. */
  readonly calls: number;
  readonly walked: number;
  /** "EIO of readSync → EIO": what failed, what the one who asked was told, how often. */
  readonly told: readonly (readonly [string, number])[];
  readonly problems: readonly string[];
}

const child = fileURLToPath(new URL("./fault-walk-child.js", import.meta.url));

export async function runFaultWalk(
  procedure: string,
  seed: number,
  points: number | "all",
): Promise<FaultWalk> {
  const args = [child, procedure, String(seed), String(points)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 26 });
  return JSON.parse(stdout) as FaultWalk;
}

/** The measuring programs in C. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { projectRoot } from "../test/e2e/sandbox.js";

/** Builds them; the cases need them. */
export function buildBenchPrograms(): void {
  const made = spawnSync("make", ["--silent", "-C", join(projectRoot, "native"), "bench"], {
    encoding: "utf8",
  });
  if (made.status !== 0) throw new Error(made.stderr);
}

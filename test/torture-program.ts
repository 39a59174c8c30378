/** native/test/index_torture.c: its build, and one run of it. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";

const nativeFolder = join(import.meta.dirname, "..", "..", "native");

/** Path of the program, made in `folder`. */
export function buildTorture(folder: string): string {
  const program = join(folder, "index-torture");
  execFileSync("make", ["-s", "-C", nativeFolder, program, `INDEX_TORTURE=${program}`], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  return program;
}

/** What it counted. Fails with its words and its arguments, the seed the last of them. */
export function torture(
  program: string,
  words: readonly string[],
  timeoutMs = 120_000,
): Record<string, number> {
  const ended = spawnSync(program, words, { encoding: "utf8", timeout: timeoutMs });
  assert.equal(ended.status, 0, `${words.join(" ")}: ${ended.signal ?? ""} ${ended.stderr}`);
  return JSON.parse(ended.stdout) as Record<string, number>;
}

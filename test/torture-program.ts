/** One run of native/test/index_torture.c. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";

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

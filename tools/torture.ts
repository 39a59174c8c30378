/**
 * `npm run torture -- --minutes N`: what `npm test` does for seconds, for minutes. Prints one line of figures for each part and
 * the seed that repeats it; ends with 1 at the first thing that must never be.
 */
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { plainPrograms } from "../test/checking-program.js";
import { torture } from "../test/torture-program.js";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string", default: `${randomInt(2 ** 32)}` },
  },
});
const minutes = Number(values.minutes);
const folder = mkdtempSync(join(tmpdir(), "vrift-torture-"));
try {
  const program = plainPrograms(["index_torture"]).index_torture;
  const seconds = Math.max(1, Math.round((minutes * 60) / 6));
  const parts: readonly (readonly string[])[] = [
    ["versions", join(folder, "one"), `${seconds * 2000}`, "1", values.seed],
    ["versions", join(folder, "two"), `${seconds * 1000}`, "2", values.seed],
    ["stopped", join(folder, "stopped"), `${seconds * 4}`, values.seed],
    ["killed", join(folder, "killed"), `${seconds * 50}`, values.seed],
  ];
  for (const words of parts) {
    const figures = torture(program, words, minutes * 600_000);
    console.log(
      [words[0], `seed ${values.seed}`, ...Object.entries(figures).map(([name, n]) => `${name} ${n}`)].join(
        ", ",
      ),
    );
  }
  // The tests that take longer when they are told to.
  const test = (name: string, env: NodeJS.ProcessEnv): void => {
    const ended = spawnSync(process.execPath, ["--test", join(import.meta.dirname, "..", name)], {
      stdio: "inherit",
      env: { ...process.env, VRIFT_TEST_SEED: values.seed, ...env },
    });
    if (ended.status !== 0) throw new Error(`${name} ended with ${ended.status}`);
  };
  test("src/vdir/fuzz.test.js", { VRIFT_FUZZ_SECONDS: `${Math.round(seconds / 2)}` });
  test("test/inception/killed.test.js", { VRIFT_KILL_STRIDE: "1" });
  test("test/inception/faulted.test.js", { VRIFT_FAULT_STRIDE: "1" });
  test("src/vdir/export-live.test.js", { VRIFT_EXPORT_NAMES: "100000", VRIFT_EXPORT_LIMIT_MS: "100" });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

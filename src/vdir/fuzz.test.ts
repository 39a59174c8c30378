/** Damaged index, marks and what is exported of them, under sanitizers where the compiler has them: native/test/fuzz.h. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { checkingPrograms } from "../../test/checking-program.js";

const repository = join(import.meta.dirname, "../../..");
const corpus = join(repository, "test/data/corpus/shared-memory");
const seed = process.env["VRIFT_TEST_SEED"] ?? String(randomInt(2 ** 32));
/** `npm run torture` gives minutes. */
const seconds = process.env["VRIFT_FUZZ_SECONDS"] ?? "2";
let folder = "";

let programs: ReturnType<typeof checkingPrograms<"fuzz_index" | "fuzz_library" | "fuzz_export">>;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "vrift-fuzz-"));
  programs = checkingPrograms(["fuzz_index", "fuzz_library", "fuzz_export"]);
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

for (const [target, what] of [
  ["fuzz_index", "no damage leads the reader of the index out of it, or into a loop"],
  ["fuzz_library", "no damage of index or marks ends a program that the library is in"],
  ["fuzz_export", "what is exported of a damaged index is a whole file all the same"],
] as const)
  test(what, () => {
    const kept = join(folder, `${target}.input`);
    const ended = spawnSync(programs[target], [corpus, seed, seconds, kept], {
      encoding: "utf8",
      timeout: (Number(seconds) + 60) * 1000,
    });
    const input = existsSync(kept) ? readFileSync(kept).toString("hex") : "";
    assert.equal(
      ended.status,
      0,
      `${target}, seed ${seed}, input ${input}: ${ended.signal ?? ""} ${ended.stderr}`,
    );
    assert.ok((JSON.parse(ended.stdout) as { runs: number }).runs >= 20, ended.stdout);
  });

/**
 * kill -9 right before each change that a commit, or making files virtual again, makes: whoever comes next finds every file as it was, and
 * does the rest. The tables are in docs/commit.md.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Random } from "../store/random.js";
import { makeSceneDirectory, prepare, writeAsPrograms } from "./killed-procedures.js";
import { assertContent, look, within } from "./scene.js";

const child = fileURLToPath(new URL("./killed-child.js", import.meta.url));
/** `all`: before every change, one after the other. */
const ROUNDS = process.env["VRIFT_KILL_ROUNDS"] ?? "4";
const SEED = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);
const WRITTEN = 4;

async function newScene(): Promise<string> {
  const directory = makeSceneDirectory(tmpdir());
  await within(directory, prepare);
  writeAsPrograms({ directory });
  return directory;
}

/** The changes it makes; null when it was killed. */
function runKilled(at: number, directory: string, procedure: string): number | null {
  const result = spawnSync(process.execPath, [child, String(at), directory, procedure], { encoding: "utf8" });
  assert.equal(result.signal, "SIGKILL", result.stderr);
  return result.stdout === "" ? null : Number(result.stdout);
}

for (const procedure of ["commit", "dehydrate"])
  test(`${procedure} killed anywhere`, { timeout: 300_000 }, async (t) => {
    const whole = await newScene();
    const before = await within(whole, ({ workspace }) => look(workspace));
    const changes = runKilled(Infinity, whole, procedure);
    assert.ok(changes !== null && changes > 10, `${changes} changes`);
    assert.deepEqual(await within(whole, ({ workspace }) => look(workspace)), before);
    rmSync(whole, { recursive: true });

    const random = new Random(SEED);
    const points =
      ROUNDS === "all"
        ? Array.from({ length: changes }, (_, i) => i + 1)
        : Array.from({ length: Number(ROUNDS) }, () => 1 + random.below(changes));
    t.diagnostic(`${changes} changes, killed before ${points.join(" ")} (VRIFT_TEST_SEED=${SEED})`);
    for (const at of points) {
      const what = `killed before change ${at}`;
      const directory = await newScene();
      runKilled(at, directory, procedure); // with a little luck it makes a change less, and gets through
      await within(directory, async (scene) => {
        const { workspace } = scene;
        assert.deepEqual(await look(workspace), before, what);
        await assertContent(scene, what);
        const { kept, open } = await workspace.commit({ dehydrate: true });
        assert.deepEqual([kept, open], [[], []], what);
        assert.deepEqual(await look(workspace), before, what);
        assert.equal([...workspace.virtualEntries()].length, WRITTEN + 3, what);
        await assertContent(scene, what);
      });
      assert.equal(existsSync(join(directory, "project/.vrift/moving")), false, what);
      rmSync(directory, { recursive: true });
    }
  });

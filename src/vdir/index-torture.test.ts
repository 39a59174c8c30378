/** The index writer against readers in other processes, stopped and killed between any two of its instructions. */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { plainPrograms } from "../../test/checking-program.js";
import { torture } from "../../test/torture-program.js";

const seed = process.env["VRIFT_TEST_SEED"] ?? String(randomInt(2 ** 32));
let folder = "";
let program = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "vrift-torture-"));
  program = plainPrograms(["index_torture"]).index_torture;
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("readers never see two versions in one answer, nor one older than what was published before they asked", () => {
  const {
    reads = 0,
    changes = 0,
    absent = 0,
    growths = 0,
    lists = 0,
    moves = 0,
  } = torture(program, ["versions", join(folder, "versions"), "1500", "1", seed]);
  assert.ok(
    reads > 1000 && changes > 100 && absent > 10 && growths > 0 && lists > 0 && moves > 0,
    `seed ${seed}`,
  );
});

test("behind every instruction of every change, readers have the state before, the one after, or know that they do not", () => {
  const { changes, insertions, removals, growths, moves, unsure, stops } = torture(program, [
    "stopped",
    join(folder, "stopped"),
    "18",
    seed,
  ]);
  for (const count of [changes, insertions, removals, growths, moves, unsure])
    assert.ok((count ?? 0) > 0, `seed ${seed}`);
  assert.ok((stops ?? 0) > 2000);
});

test("a killed writer is known to be dead, its file never lies, and the next one puts a whole file in its place", () => {
  const { kills } = torture(program, ["killed", join(folder, "killed"), "60", seed]);
  assert.equal(kills, 60);
});

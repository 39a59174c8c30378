/** A name that a listing gives twice is one candidate: the second would look like a file that somebody has removed. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { scanTree } from "../platform/scan.js";
import { chooseCandidates } from "./candidates.js";

test("a name that was listed twice is chosen once", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "vrift-candidates-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const name of ["a", "b"]) writeFileSync(join(root, name), name);
  const scan = await scanTree(root, []);
  const chosen = chooseCandidates(root, [...scan, ...scan], () => assert.fail("nothing stays"));
  assert.deepEqual(chosen.map(({ key }) => key).sort(), ["a", "b"]);
});

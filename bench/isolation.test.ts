/** What happens to one project at toy size: no request of another one fails, whatever it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { disturbances } from "./disturbances.js";
import { isolation } from "./isolation.js";
import { buildBenchPrograms } from "./programs.js";

test("no request of a project fails, whatever happens to another", { timeout: 120_000 }, async () => {
  buildBenchPrograms();
  const notes: string[] = [];
  const rows = await isolation.run({ toy: true, cache: "", note: (text) => notes.push(text) });
  assert.equal(rows.length, disturbances.length * 4 * 3);
});

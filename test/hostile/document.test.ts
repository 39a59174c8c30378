/** docs/security.md names a test for each row, and the tests are there. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const project = join(import.meta.dirname, "../../..");

test("every row of docs/security.md has a test, and every test that it names exists", () => {
  const rows = readFileSync(join(project, "docs/security.md"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("|") && !/^\|( (attack|tree)|-)/.test(line));
  assert.ok(rows.length > 40);
  for (const row of rows) {
    const named = [
      ...row
        .split("|")
        .at(-2)!
        .matchAll(/`([^`*]+)\.ts`/g),
    ].map(([, path]) => `${path}.ts`);
    assert.ok(named.length > 0 || row.includes("*.test.ts"), row);
    for (const path of named) assert.ok(existsSync(join(project, path)), path);
  }
});

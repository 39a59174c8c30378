/**
 * What a request costs does not depend on the size of the tree: counted, not timed. ManifestListDir reads its own names and
 * ManifestGet its own path; bench/manifest.ts has the times.
 */
import assert from "node:assert/strict";
import fs, { writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import type { Fixture } from "../../test/workspace-fixture.js";
import { projectPaths } from "../platform/paths.js";
import type { ProjectWorkspace } from "./project-workspace.js";

let t: Fixture;

beforeEach(async () => {
  t = await workspaceFixture();
});

afterEach(async () => {
  await t.close();
});

const COUNTED = [
  "openSync",
  "readSync",
  "readdirSync",
  "opendirSync",
  "lstatSync",
  "statSync",
  "fstatSync",
] as const;

/** Calls to the file system that `work` makes. */
async function callsOf(work: () => Promise<unknown>): Promise<number> {
  const table = fs as unknown as Record<string, (...values: unknown[]) => unknown>;
  const originals = COUNTED.map((name) => table[name]!);
  let calls = 0;
  COUNTED.forEach((name, i) => {
    table[name] = (...values) => {
      calls += 1;
      return originals[i]!(...values);
    };
  });
  syncBuiltinESMExports();
  try {
    await work();
    return calls;
  } finally {
    COUNTED.forEach((name, i) => (table[name] = originals[i]!));
    syncBuiltinESMExports();
  }
}

async function virtualFiles(workspace: ProjectWorkspace, directory: string, count: number): Promise<void> {
  const entry = await t.fileEntry("text");
  for (let i = 0; i < count; i++) await workspace.upsert(`${directory}/f${i}`, entry);
}

test("a listing and a get cost the same beside many names and many whiteouts", async () => {
  const workspace = await t.registry.open(t.root, true);
  await virtualFiles(workspace, "small", 10);
  const list = (): Promise<unknown> => workspace.list("small");
  const get = (): Promise<unknown> => workspace.get("small/f3");
  const listing = await callsOf(list);
  const getting = await callsOf(get);
  await virtualFiles(workspace, "large", 2000);
  assert.equal(await callsOf(list), listing);
  assert.equal(await callsOf(get), getting);
  const { whiteouts } = projectPaths(t.root);
  for (let i = 0; i < 2000; i++)
    writeFileSync(join(whiteouts, i.toString(16).padStart(32, "0")), `large/none${i}`);
  assert.equal(await callsOf(get), getting);
  // One look for each of its own names, instead of one at the empty directory of whiteouts.
  assert.ok((await callsOf(list)) <= listing + 2 * 10);
  t.whiteOut("small/f3");
  assert.equal((await workspace.list("small")).length, 9);
  assert.equal(await workspace.get("small/f3"), null);
  t.whiteOut("small");
  assert.deepEqual(await workspace.list("small"), []);
});

test("whoever reads does not wait for a long mutation", async () => {
  t.write("p", "physical");
  const workspace = await t.registry.open(t.root, true);
  await virtualFiles(workspace, "d", 3000);
  let done = false;
  const long = workspace.resync().finally(() => (done = true));
  assert.equal((await workspace.get("d/f1"))?.size, 4n);
  assert.equal((await workspace.get("p"))?.size, 8n);
  assert.equal((await workspace.list("")).length, 2);
  assert.equal(done, false);
  await long;
});

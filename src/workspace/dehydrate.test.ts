/** Dehydrate beside programs that come or change something in the middle of it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs, { existsSync, readFileSync, readdirSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { type TestContext, mock, test } from "node:test";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import { projectPaths } from "../platform/paths.js";

const DEHYDRATE = { dehydrate: true };
const KEYS = Array.from({ length: 40 }, (_, i) => `d/file${i}`);

async function written(t: TestContext) {
  const fixture = await workspaceFixture();
  t.after(() => fixture.close());
  for (const key of KEYS) fixture.write(key, key);
  return { ...fixture, workspace: await fixture.registry.open(fixture.root, true) };
}

/** Calls `also` before each call of a function of fs that others import. */
function before<Name extends "openSync" | "futimesSync">(
  t: TestContext,
  name: Name,
  also: (path: unknown) => void,
): void {
  const real = fs[name] as (...words: unknown[]) => unknown;
  const mocked = mock.method(fs, name, (...words: unknown[]) => {
    also(words[0]);
    return real(...words);
  });
  syncBuiltinESMExports();
  t.after(() => {
    mocked.mock.restore();
    syncBuiltinESMExports();
  });
}

/** A process that maps the index as programs do when it is sent SIGUSR1. */
async function program(t: TestContext, index: string) {
  const script = `
    import { openSharedIndex } from ${JSON.stringify(new URL("../vdir/shared-index.js", import.meta.url).href)};
    let mapped;
    process.on("SIGUSR1", () => (mapped = openSharedIndex(${JSON.stringify(index)})));
    setInterval(() => mapped, 1000);
    console.log("ready");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return {
    begin(): void {
      child.kill("SIGUSR1");
      while (!readFileSync(`/proc/${child.pid}/maps`, "latin1").includes(index));
    },
    async end(): Promise<void> {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

test("a program that comes while files are moved finds all of them in their places", async (t) => {
  const { workspace, root } = await written(t);
  const { begin, end } = await program(t, workspace.info.index);
  let begun = false;
  // The sign of life after each file that was moved.
  before(t, "futimesSync", () => {
    if (begun || !existsSync(join(projectPaths(root).moving, "20"))) return;
    begun = true;
    begin();
  });
  const { dehydrated, inUse, kept } = await workspace.commit(DEHYDRATE);
  assert.deepEqual([inUse, kept], [true, []]);
  assert.equal(dehydrated, 16, "what was done before it came");
  const there = KEYS.filter((key) => existsSync(join(root, key)));
  assert.equal(there.length, KEYS.length - 16);
  for (const key of there) assert.equal(readFileSync(join(root, key), "utf8"), key);
  assert.equal(existsSync(projectPaths(root).moving), false);
  assert.equal((await workspace.commit(DEHYDRATE)).dehydrated, 0);
  await end();
  const last = await workspace.commit(DEHYDRATE);
  assert.deepEqual([last.dehydrated, last.inUse], [there.length, false]);
});

test("a file that was white out by a change that came to nothing stays, and is there", async (t) => {
  const { workspace, root, whiteOut } = await written(t);
  let done = false;
  before(t, "openSync", (path) => {
    // The entries are virtual by now, and nothing has been moved.
    if (done || !String(path).endsWith("/stripes")) return;
    done = true;
    for (const key of KEYS.slice(0, 3)) whiteOut(key);
  });
  const { dehydrated } = await workspace.commit(DEHYDRATE);
  assert.equal(dehydrated, KEYS.length - 3);
  for (const key of KEYS.slice(0, 3)) assert.equal(readFileSync(join(root, key), "utf8"), key);
  await workspace.resync();
  assert.deepEqual(readdirSync(projectPaths(root).whiteouts), []);
  assert.equal(workspace.info.entries, KEYS.length + 2);
});

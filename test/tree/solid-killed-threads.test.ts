/** `solid` puts files in place in threads; killed among them, what is there is whole, and a second run makes the tree what it was. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { phantom } from "../../src/tree/phantom.js";
import { solid } from "../../src/tree/solid.js";
import { type Fixture, listing, openFixture, removeTree } from "./fixture.js";

const DIRECTORIES = 12;
const FILES = 150;
const child = fileURLToPath(new URL("./killed-child.js", import.meta.url));

function contentOf(d: number, f: number): string {
  return `${d} ${f} ${"x".repeat(f)}\n`;
}

test("solid is killed among its threads, and done again", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "vrift-solid-killed-"));
  t.after(() => removeTree(directory));
  const within = async (work: (fixture: Fixture) => Promise<unknown>): Promise<void> => {
    const { fixture, close } = await openFixture(directory, "local");
    try {
      await work(fixture);
    } finally {
      await close();
    }
  };
  const root = join(directory, "tree");
  for (let d = 0; d < DIRECTORIES; d++) {
    mkdirSync(join(root, `d${d}`), { recursive: true });
    for (let f = 0; f < FILES; f++) writeFileSync(join(root, `d${d}`, `f${f}`), contentOf(d, f));
  }
  const before = listing(root);
  await within(({ context }) => phantom(root, context, { yes: false }));
  assert.deepEqual(readdirSync(join(root, "d5")), []);

  // One in the middle: its first name is the sign that threads are at work.
  const watcher = watch(join(root, "d5"));
  const come = once(watcher, "change");
  const solidChild = spawn(process.execPath, [child, "Infinity", "local", directory, "solid", root], {
    stdio: "ignore",
  });
  const ended = once(solidChild, "exit");
  await Promise.race([come, ended]);
  solidChild.kill("SIGKILL");
  const [, signal] = (await ended) as [number | null, string | null];
  watcher.close();
  if (signal === null) t.diagnostic("it had come to its end: this machine was too slow to kill it");

  let placed = 0;
  for (let d = 0; d < DIRECTORIES; d++)
    for (const name of readdirSync(join(root, `d${d}`))) {
      assert.equal(readFileSync(join(root, `d${d}`, name), "utf8"), contentOf(d, Number(name.slice(1))));
      placed++;
    }
  t.diagnostic(`${placed} of ${DIRECTORIES * FILES} files were in place`);
  await within(({ context }) => solid(root, context));
  assert.deepEqual(listing(root), before);
});

/** `vrift list` and `vrift forget`: what a home knows, and that nothing is lost by forgetting without a word. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openStore } from "../../src/store/content-store.js";
import { TestHome } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());
const project = join(home.work, "project");
const copy = join(home.work, "copy");
const root = join(home.home, ".vrift");

async function succeeds(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await home.vrift(args);
  assert.equal(code, 0, `vrift ${args.join(" ")}: ${stderr}`);
  assert.equal(stderr, "");
  return stdout;
}

async function refused(...args: string[]): Promise<string> {
  const { stderr, code } = await home.vrift(args);
  assert.equal(code, 1, stderr);
  return stderr;
}

interface Row {
  readonly root: string;
  readonly kind: string;
  readonly id: string;
  readonly state: string;
  readonly virtualFiles: number;
}

async function rows(): Promise<Row[]> {
  return JSON.parse(await succeeds("list", "--json")) as Row[];
}

/** Blobs that a sweep without a grace period leaves. */
async function blobsAfterSweep(): Promise<number> {
  const store = await openStore(join(root, "the_source"));
  try {
    await store.sweep({ has: () => false }, { graceMs: 0 });
    return (await store.usage()).blobs;
  } finally {
    store.close();
  }
}

describe("list and forget", () => {
  before(() => {
    mkdirSync(join(project, "src"), { recursive: true });
    writeFileSync(join(project, "src", "a"), "content of a");
    writeFileSync(join(project, "tool"), "#!/bin/sh\n", { mode: 0o755 });
  });

  test("a home without workspaces says how to make one", async () => {
    assert.match(await succeeds("list"), /^No workspaces yet/);
    assert.match(await refused("forget", project), /ENOENT: no workspace of this home is/);
  });

  test("each is listed with its kind and its state", async () => {
    await succeeds("phantom", project);
    await succeeds("clone", project, copy);
    const text = await succeeds("list");
    assert.match(
      text,
      /work\/project\n {2}phantom, 4 names, 1 files in the store \(12 bytes\)\n.*open, process \d+\n/,
    );
    assert.deepEqual(
      (await rows()).map((row) => [row.root, row.kind, row.state, row.virtualFiles]),
      [
        [copy, "phantom", "open", 1],
        [project, "phantom", "open", 1],
      ],
    );
  });

  test("forget is refused while the store has the only copy, and changes nothing then", async () => {
    const message = await refused("forget", copy);
    assert.match(
      message,
      /VRIFT_ONLY_COPY: the store has the only copy of 1 files of .*vrift solid .*--discard/s,
    );
    assert.equal(await succeeds("cat", join(copy, "src/a")), "content of a");
  });

  test("--discard ends it; the directory and the other workspace stay, and the sweep keeps theirs", async () => {
    const { id } = (await rows()).find((row) => row.root === copy)!;
    const { mtimeNs } = statSync(copy, { bigint: true });
    assert.match(
      await succeeds("forget", copy, "--discard"),
      /is forgotten, and with it 1 files \(12 bytes\)/,
    );
    assert.deepEqual(readdirSync(copy).sort(), ["src", "tool"]);
    assert.equal(statSync(copy, { bigint: true }).mtimeNs, mtimeNs);
    assert.deepEqual(
      (await rows()).map((row) => row.root),
      [project],
    );
    for (const place of ["db", "run"]) assert.equal(existsSync(join(root, place, id)), false, place);
    assert.equal(existsSync(join(root, "the_source/roots", id)), false);
    assert.equal(await blobsAfterSweep(), 1);
    assert.equal(await succeeds("cat", join(project, "src/a")), "content of a");
  });

  test("a solid workspace is forgotten without a word", async () => {
    await succeeds("ls", copy, "--root", copy);
    assert.ok((await rows()).some((row) => row.root === copy && row.kind === "solid"));
    assert.match(await succeeds("forget", copy), /is forgotten\. Its directory stays/);
    assert.equal((await rows()).length, 1);
  });

  test("one whose directory is gone is said, and its content stays until it is discarded", async () => {
    rmSync(project, { recursive: true });
    assert.match(await succeeds("list"), /gone: the directory is not there/);
    assert.match(await refused("forget", project), /is not there: was it moved/);
    assert.equal(await blobsAfterSweep(), 1);
    const { id } = (await rows())[0]!;
    await succeeds("forget", id, "--discard");
    assert.deepEqual(await rows(), []);
    assert.equal(await blobsAfterSweep(), 0);
  });
});

/** `vrift verify` on real trees: what is damaged is not read, is repaired from a file, or is lost and said so. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { hashBytes, hashToHex } from "../../src/platform/hash.js";
import { TestHome } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());

interface Report {
  blobs: { blobs: number; hashed: number; damaged: { fault: string; aside: string }[] };
  repaired: { hash: string; from: string; uses: { root: string; key: string; snapshot: string | null }[] }[];
  lost: { hash: string; uses: { root: string; key: string; snapshot: string | null }[] }[];
  lists: { name: string }[];
  unread: unknown[];
}

const source = join(home.home, ".vrift", "the_source");
const hex = (text: string): string => hashToHex(hashBytes(Buffer.from(text)));

function blob(text: string): string {
  return join(source, "blake3", hex(text).slice(0, 2), `${hex(text)}_${text.length}.bin`);
}

function project(name: string, files: Record<string, string>): string {
  const path = join(home.work, name);
  mkdirSync(path);
  for (const [key, text] of Object.entries(files)) writeFileSync(join(path, key), text);
  return path;
}

async function verify(args: string[], code: number): Promise<Report> {
  const ended = await home.vrift(["verify", "--json", ...args]);
  assert.equal(ended.code, code, ended.stdout + ended.stderr);
  return JSON.parse(ended.stdout) as Report;
}

test("damage is not read, is repaired from a plain file elsewhere, and what nobody has is lost", async () => {
  const texts = {
    written: "is written into\n",
    flipped: "is flipped\n",
    absent: "is removed\n",
    whole: "whole\n",
  };
  const tree = project("tree", texts);
  assert.equal((await home.vrift(["phantom", tree])).code, 0);
  assert.equal((await home.vrift(["snapshot", "before", tree])).code, 0);
  assert.equal((await verify([], 0)).blobs.damaged.length, 0);

  chmodSync(blob(texts.written), 0o644);
  writeFileSync(blob(texts.written), "IS written into\n");
  chmodSync(blob(texts.flipped), 0o644);
  writeFileSync(blob(texts.flipped), "is fl1pped\n");
  chmodSync(blob(texts.flipped), 0o444);
  utimesSync(blob(texts.flipped), 1_000_000_000, 1_000_000_000);
  rmSync(blob(texts.absent));

  const run = await home.vrift(["run", "cat", "written", "whole", "absent"], { cwd: tree });
  assert.equal(run.stdout, "whole\n");
  assert.equal(run.stderr.match(/Input\/output error/g)?.length, 2);
  assert.match(run.stderr, new RegExp(`^vrift: the content of ${tree}/written .*vrift verify`, "m"));
  assert.equal((await home.vrift(["cat", "written"], { cwd: tree })).stdout, "");

  const lost = await verify(["--full"], 4);
  assert.deepEqual(
    lost.blobs.damaged.map(({ fault }) => fault),
    ["content"],
    "the other one cat has found",
  );
  assert.deepEqual(
    new Set(lost.lost.map(({ hash }) => hash)),
    new Set([texts.written, texts.flipped, texts.absent].map(hex)),
  );
  assert.deepEqual(
    lost.lost
      .find(({ hash }) => hash === hex(texts.absent))
      ?.uses.map(({ root, snapshot, key }) => [root, snapshot, key]),
    [
      [tree, null, "absent"],
      [tree, "before", "absent"],
    ],
  );
  const text = await home.vrift(["verify"]);
  assert.equal(text.code, 4);
  assert.match(text.stdout, /^lost: 3$/m);
  assert.ok(text.stdout.includes(`${tree}/absent in snapshot before`), text.stdout);

  // A plain workspace that has one of them, a directory that has the others.
  const plain = project("plain", { "a copy": texts.flipped });
  assert.equal((await home.vrift(["run", "true"], { cwd: plain })).code, 0);
  const backup = project("backup", { one: texts.written, two: texts.absent, other: "IS removed\n" });
  const some = await verify([], 4);
  assert.deepEqual(
    some.repaired.map(({ from }) => from),
    [join(plain, "a copy")],
  );
  const all = await verify(["--from", "backup"], 3);
  assert.deepEqual(
    new Set(all.repaired.map(({ from }) => from)),
    new Set([join(backup, "one"), join(backup, "two")]),
  );
  assert.equal((await verify(["--full"], 0)).lost.length, 0);
  assert.equal((await home.vrift(["solid", tree])).code, 0);
  for (const [key, content] of Object.entries(texts))
    assert.equal(readFileSync(join(tree, key), "utf8"), content);
});

test("a store copied without its times serves nothing until it is verified", async () => {
  const tree = project("restored", { a: "some content\n" });
  assert.equal((await home.vrift(["phantom", tree])).code, 0);
  utimesSync(blob("some content\n"), 5, 5);
  const before = await home.vrift(["run", "cat", "a"], { cwd: tree });
  assert.equal(before.stdout, "");
  assert.match(before.stderr, /vrift verify/);
  assert.equal((await verify([], 0)).blobs.hashed, 1);
  assert.equal(statSync(blob("some content\n")).mtimeMs, 1_000_000_000_000);
  assert.equal((await home.vrift(["run", "cat", "a"], { cwd: tree })).stdout, "some content\n");
});

test("a damaged list is named; nothing else is called lost", async () => {
  const list = join(source, "roots", "a list from somewhere");
  writeFileSync(list, "not a list, long enough to have a header or two of thirty-two bytes each");
  const { lists, lost } = await verify([], 4);
  assert.deepEqual([lists.map(({ name }) => name), lost], [["a list from somewhere"], []]);
  rmSync(list);
  await verify([], 0);
});

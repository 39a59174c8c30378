import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseBlobName } from "../../src/store/blob-names.js";
import { clone } from "../../src/tree/clone.js";
import { diff } from "../../src/tree/diff.js";
import { PatchMaker } from "../../src/tree/patch-text.js";
import { phantom } from "../../src/tree/phantom.js";
import { snapshot } from "../../src/tree/snapshot.js";
import { hydrate } from "../../src/tree/solid.js";
import { scanTree } from "../../src/platform/scan.js";
import { readBase } from "../../src/workspace/snapshots.js";
import { changeTree } from "./change-tree.js";
import { type Fixture, listing, makeFixture } from "./fixture.js";
import { makeOddTree } from "./odd-tree.js";

async function oddClone(t: TestContext): Promise<{ fixture: Fixture; src: string; dst: string }> {
  const fixture = await makeFixture(t, "local");
  const [src, dst] = [join(fixture.directory, "src"), join(fixture.directory, "dst")];
  mkdirSync(src);
  makeOddTree(src);
  await phantom(src, fixture.context, { yes: true });
  await clone(src, dst, fixture.context);
  return { fixture, src, dst };
}

async function names(fixture: Fixture, root: string, name: string | null = null): Promise<string[]> {
  const { differences } = await diff(root, name, fixture.context);
  return differences.map(({ status, key }) => `${status} ${key}`);
}

test("a clone differs from its source in what was changed in it, and in nothing else", async (t) => {
  const { fixture, src, dst } = await oddClone(t);
  assert.deepEqual(await names(fixture, dst), []);
  await assert.rejects(diff(src, null, fixture.context), { code: "ENOENT" });
  await hydrate(dst, fixture.context);
  assert.deepEqual(await names(fixture, dst), [], "where its content is makes no difference");
  writeFileSync(join(src, "plain.txt"), "changed in the source");
  assert.deepEqual(await names(fixture, dst), [], "the source may go on");
  changeTree(dst);
  assert.deepEqual(await names(fixture, dst), [
    ...[
      "D dangling",
      "T empty",
      "D empty-directory",
      "A empty/inside",
      "M locked",
      "A locked/new",
      "A new/deeper/file",
    ],
    ...[
      "M plain.txt",
      "A sub/big-2",
      "T sub/deep",
      "D sub/deep/er/x.json",
      "M sub/dup-1",
      "M sub/link",
      "M sub/private",
    ],
    ...["A tools/renamed.sh", "D tools/run.sh"],
  ]);
});

test("content of unchanged virtual files is not needed", async (t) => {
  const { fixture, dst } = await oddClone(t);
  const { context, store } = fixture;
  writeFileSync(join(dst, "new"), "new");
  const { id } = await context.access.open(dst);
  const base = readBase(context.home, id)!;
  const blobs = join(store.path, "blake3");
  for (const { key, type } of await scanTree(blobs, [])) {
    const blob = type === "file" ? parseBlobName(key.slice(key.lastIndexOf("/") + 1)) : undefined;
    const hash = blob === undefined ? undefined : Buffer.from(blob.hash).toString("hex");
    if (hash !== undefined && hash !== base.body.hash && hash !== base.stamps.hash)
      unlinkSync(join(blobs, key));
  }
  assert.deepEqual(await names(fixture, dst), ["A new"]);
});

/** What a patch can say: no times, no modes but that of the owner's execution, no empty directories. */
function patchable(root: string): string[] {
  return listing(root)
    .filter((line) => !/^\S* d |^ d /.test(line))
    .map((line) => line.replace(/ (f|l) (\d+) (\d+) -?\d+\.\d{10}/, " $1 $3"));
}

test("git apply and patch make the old tree the new one", async (t) => {
  const fixture = await makeFixture(t, "local");
  const { context, directory, store } = fixture;
  const root = join(directory, "tree");
  mkdirSync(join(root, "d/e"), { recursive: true });
  const write = (name: string, text: string): void => writeFileSync(join(root, name), text);
  write("text", Array.from({ length: 60 }, (_, line) => `line ${line}\n`).join(""));
  write("no newline", "last line");
  write("d/e/gone", "gone\n");
  write("empty-gone", "");
  write('tab\tquote"', "1\n");
  write("becomes-link", "1\n");
  write("crlf", "a\r\nb\r\n");
  symlinkSync("old", join(root, "link"));
  write("script", "#!/bin/sh\n");
  write("moved", "moved\n");
  const old = join(directory, "old");
  cpSync(root, old, { recursive: true, verbatimSymlinks: true });
  await snapshot(root, "then", context);
  appendFileSync(join(root, "text"), "more\n");
  write("no newline", "last line, changed");
  rmSync(join(root, "d"), { recursive: true });
  unlinkSync(join(root, "empty-gone"));
  write("empty-new", "");
  write("new file", "with a space\n");
  write('tab\tquote"', "2\n");
  unlinkSync(join(root, "becomes-link"));
  symlinkSync("text", join(root, "becomes-link"));
  write("crlf", "a\r\nc\r\n");
  unlinkSync(join(root, "link"));
  symlinkSync("new", join(root, "link"));
  chmodSync(join(root, "script"), 0o755);
  renameSync(join(root, "moved"), join(root, "ünïcødé"));

  const { differences } = await diff(root, "then", context);
  const maker = new PatchMaker(store, root);
  const file = join(directory, "patch");
  writeFileSync(file, Buffer.concat(differences.map((difference) => maker.patch(difference).text)));
  const patched = join(directory, "patched");
  cpSync(old, patched, { recursive: true, verbatimSymlinks: true });
  // In a repository of its own, so that none above it is meant.
  execFileSync("git", ["init", "-q", old]);
  execFileSync("git", ["apply", "--whitespace=nowarn", file], { cwd: old });
  rmSync(join(old, ".git"), { recursive: true });
  execFileSync("patch", ["-s", "-p1", "--binary", "-i", file], { cwd: patched });
  assert.deepEqual(patchable(old), patchable(root));
  assert.deepEqual(patchable(patched), patchable(root));
});

test("binary content is noted, and what was not kept is said", async (t) => {
  const { fixture, dst } = await oddClone(t);
  const { context, store } = fixture;
  writeFileSync(join(dst, "tools/addon.node"), Buffer.from("\x7fELF and more", "latin1"));
  await hydrate(dst, context);
  writeFileSync(join(dst, "plain.txt"), Buffer.from([0, 1, 2]));
  const { differences } = await diff(dst, null, context);
  const maker = new PatchMaker(store, dst);
  const texts = differences.map((difference) => maker.patch(difference).text.toString());
  assert.match(
    texts[0]!,
    /^diff --git a\/plain.txt b\/plain.txt\nBinary files a\/plain.txt and b\/plain.txt differ\n$/,
  );
  assert.match(texts[1]!, /\ncontent of before is not kept: Binary files a\/tools\/addon.node and/);
});

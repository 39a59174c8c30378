/** The calls that hardly any program makes: native/test/calls.c on a plain and on a phantom tree. */
import { before, test } from "node:test";
import { buildNative, compare, program } from "./phantom-fixture.js";

const tree: Record<string, string> = { file: "content\n", other: "another\n", third: "a third\n" };
for (let i = 0; i < 40; i++) tree[`dir/f${i}`] = `file ${i}\n`;

const walked: Record<string, string> = {
  file: "content\n",
  "sub/leaf": "leaf\n",
  "sub/deep/er/leaf": "deeper\n",
  "sub/deep/other": "other\n",
  "sub/vacant/": "",
  "sub/up": "->..",
  "skipped/unseen": "unseen\n",
  "sub/run.sh": "!#!/bin/sh\n",
  link: "->file",
  dlink: "->sub/deep",
  dangling: "->nowhere",
};

before(buildNative);

test("ftw, nftw and fts with every flag", async () => {
  await compare({ tree: walked, script: `${program("walking")}; ls -R` });
});

test("streams, directories, globs, times, descriptors, pointers, cancellation", async () => {
  await compare({ tree, script: `${program("calls")}; ls dir`, ignore: /socket/ });
});

test("what libc allocates for a program is made by the program's own malloc", async () => {
  await compare({ tree, script: program("own_malloc") });
});

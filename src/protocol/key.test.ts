import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToKey } from "./key.js";

const root = "/home/u/proj";

test("forms of a path that mean the same key", () => {
  const same: Readonly<Record<string, readonly string[]>> = {
    "": ["", "/", ".", "./", "//", "/.", root, `${root}/`, "a/..", `${root}/a/../`, "/a/.."],
    "src/a.ts": [
      "src/a.ts",
      "/src/a.ts",
      `${root}/src/a.ts`,
      "//src//./a.ts",
      "src/b/../a.ts",
      "src/a.ts/",
      `/${root}/./src/a.ts`,
    ],
    "home/u/project/x": ["/home/u/project/x"],
    "home/u/proj": ["home/u/proj", `${root}${root}`],
    "...": ["...", "/.../."],
    " é🙂": [" é🙂"],
  };
  for (const [key, paths] of Object.entries(same)) {
    for (const path of paths) assert.equal(pathToKey(root, path), key, JSON.stringify(path));
  }
  assert.equal(pathToKey("/", "/etc/passwd"), "etc/passwd");
});

test("what leaves the root is EINVAL, even when it would come back", () => {
  for (const path of [
    "..",
    "/..",
    "a/../..",
    `${root}/..`,
    `${root}/../other`,
    "../proj/a",
    "a/../../proj/a",
  ]) {
    assert.throws(() => pathToKey(root, path), { code: "EINVAL", message: /leaves the root/ }, path);
  }
});

test("NUL is EINVAL", () => {
  assert.throws(() => pathToKey(root, "a\0b"), { code: "EINVAL", message: /NUL/ });
});

test("lengths count bytes: components over 255, paths over 4,095, and with the root before them", () => {
  assert.equal(pathToKey(root, "é".repeat(127)).length, 127);
  assert.throws(() => pathToKey(root, "é".repeat(128)), { code: "ENAMETOOLONG" });
  assert.throws(() => pathToKey(root, `${"x".repeat(256)}/..`), { code: "ENAMETOOLONG" });
  const long = "ab/".repeat(1364);
  assert.equal(Buffer.byteLength(pathToKey("/", long)), 4091);
  assert.throws(() => pathToKey(root, long), { code: "ENAMETOOLONG" });
  assert.throws(() => pathToKey("/", `${long}/./././`), { code: "ENAMETOOLONG" });
});

test("error texts are short whatever came", () => {
  assert.throws(
    () => pathToKey(root, "\0".repeat(1_000_000)),
    (error: Error) => error.message.length < 2000,
  );
});

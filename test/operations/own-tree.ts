/** The names that native/test/operations.c knows. */
import type { TreeSpec } from "../inception/phantom-fixture.js";

export const ownTree: TreeSpec = {
  a: "a\n",
  b: "b\n",
  c: "",
  "f.txt": "text\n",
  "sub/a": "sub a\n",
  "sub/b": "sub b\n",
  "sub/dir/c": "deep c\n",
  "sub/dir/f.txt": "deep text\n",
  "sub/link": "->../a",
  "dir/d": "d\n",
  "dir/e": "e\n",
  "dir/sub/a": "dir sub a\n",
  "dir/link": "->sub",
  "d/": "",
  e: "!#!/bin/sh\n",
  link: "->dir/d",
};

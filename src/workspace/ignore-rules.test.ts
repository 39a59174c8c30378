import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { IgnoreRules } from "./ignore-rules.js";

const directory = mkdtempSync(join(tmpdir(), "vrift-ignore-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const keys = [
  "a",
  "b.log",
  "d/b.log",
  "build",
  "d/build",
  "d/e/f",
  "x/d/e",
  "a b",
  "#c",
  "!n",
  "d/[x]",
  "d/-",
  "deep/a/b/c",
  "[ab]",
];

/** What git says of files of these names, with the rules as its own. */
function byGit(rules: string): string[] {
  writeFileSync(join(directory, ".gitignore"), rules);
  try {
    const out = execFileSync("git", ["check-ignore", "--no-index", "-z", "--stdin"], {
      cwd: directory,
      input: keys.join("\0"),
      encoding: "utf8",
    });
    return out.split("\0").filter((key) => key !== "");
  } catch (error) {
    if ((error as { status?: number }).status === 1) return [];
    throw error;
  }
}

/** As the workspace asks: a directory above that is ignored decides. */
function ignored(rules: IgnoreRules, key: string): boolean {
  const parts = key.split("/");
  return parts.some((_, i) => rules.ignores(parts.slice(0, i + 1).join("/"), i < parts.length - 1));
}

test("names are ignored as git ignores them", () => {
  execFileSync("git", ["init", "-q", directory]);
  const cases = [
    "*.log",
    "/b.log",
    "build",
    "build/",
    "d/",
    "d/*",
    "d/**",
    "**/e",
    "**/build",
    "/d/e",
    "deep/**/c",
    "?",
    "a*b",
    "[ab]",
    "\\#c",
    "# c\n#c",
    "\\!n",
    "*\n!a",
    "d/*\n!d/build",
    "d\n!d/build",
    "[!a]",
    "d/[a-z]",
    "\\[ab\\]",
    "a\\ b",
    "a b  ",
    "",
  ];
  for (const rules of cases) {
    const ours = new IgnoreRules(rules);
    assert.deepEqual(
      keys.filter((key) => ignored(ours, key)),
      byGit(rules),
      JSON.stringify(rules),
    );
  }
});

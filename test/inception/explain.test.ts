/**
 * What `vrift explain` is told by the observed library, against the library that programs get, looked at from outside: the same answer
 * for every path, and no system call exactly where it says that the index answered.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { askLibrary } from "../../src/cli/explain-ask.js";
import type { Asked } from "../../src/cli/explain-ask.js";
import { resolveLinks } from "../../src/cli/explain-links.js";
import { buildNative, LIBRARY, makeTree, Phantom, program, sh } from "./phantom-fixture.js";

const OBSERVED = join(dirname(LIBRARY), "observed", "libvrift_inception.so");
const FORBIDDEN = 77;

const TREE = {
  a: "content of a\n",
  "dir/a": "content of dir/a\n",
  "dir/b": "b\n",
  "dir/x/a": "deep\n",
  "dir/x/b": "",
  "dir/kept": "kept\n",
  "dir/tool": "!#!/bin/sh\n",
  "dir/up": "->..",
  "link-dir": "->dir",
  "link-file": "->dir/a",
  "link-gone": "->nothing",
  loop: "->loop",
  "empty/": "",
  ".vrift/": "",
};
const NAMES = [
  "a",
  "b",
  "dir",
  "x",
  "up",
  "link-dir",
  "link-file",
  "link-gone",
  "loop",
  "none",
  "tool",
  "kept",
  "..",
  ".",
  ".vrift",
];

/** Every way of up to three names, then of some with other separators and ends; a third of them absolute. */
function manyPaths(root: string): string[] {
  const paths: string[] = [];
  const add = (path: string): void => {
    paths.push(paths.length % 3 === 0 ? `${root}/${path}` : path);
  };
  for (const first of NAMES) {
    add(first);
    for (const second of NAMES) {
      for (const separator of ["/", "//", "/./"]) add(`${first}${separator}${second}`);
      add(`${first}/${second}/`);
      for (const third of NAMES) add(`${first}/${second}/${third}`);
    }
  }
  return [...paths, "/etc/passwd", "/", `${root}x/a`, "n".repeat(256), `${"./".repeat(2100)}a`];
}

interface Counted {
  readonly calls: number;
  readonly answer: string;
}

/** undefined: ptrace is forbidden. */
function look(
  paths: readonly string[],
  root: string,
  env: Readonly<Record<string, string>>,
): Counted[] | undefined {
  const ended = spawnSync(program("asked"), {
    cwd: root,
    env: { ...process.env, ...env },
    input: paths.map((path) => `${path}\0`).join(""),
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  if (ended.status === FORBIDDEN) return undefined;
  assert.equal(ended.status, 0, ended.stderr);
  return ended.stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const [calls, errno, mode, size, ino] = line.split(" ");
      return { calls: Number(calls), answer: errno === "0" ? `${mode} ${size} ${ino}` : `fails ${errno}` };
    });
}

function told({ seen }: Asked, errno: string): string {
  return seen === undefined ? errno : `${seen.mode.toString(8)} ${seen.size} ${seen.ino}`;
}

const base = realpathSync(mkdtempSync(join(tmpdir(), "vrift-explain-")));
const root = join(base, "home", "tree");
let phantom: Phantom;
let allowed = true;

before(async () => {
  buildNative();
  makeTree(root, TREE);
  phantom = await Phantom.start(root, join(base, "run"), join(base, "source"));
  allowed = look(["a"], root, phantom.environment) !== undefined;
});
after(async () => {
  await phantom.stop();
  rmSync(base, { recursive: true, force: true });
});

test("ptrace shows the calls of programs", (context) => {
  if (!allowed) context.skip("ptrace is forbidden here");
});

describe("what explain says is what the library does", () => {
  const paths = manyPaths(root);

  /** How often each reason was given. */
  function compare(): Map<string, number> {
    const reasons = new Map<string, number>();
    const { hasView, answers } = askLibrary(
      { library: OBSERVED, index: phantom.environment["VRIFT_INDEX"] ?? "", cwd: root },
      paths,
    );
    assert.ok(hasView);
    const counted = look(paths, root, phantom.environment);
    if (counted === undefined) return reasons;
    paths.forEach((path, n) => {
      const [asked, seen] = [answers[n], counted[n]];
      assert.ok(asked && seen, path);
      const answer = told(asked, seen.answer);
      assert.equal(answer, seen.answer, path);
      assert.equal(asked.seen === undefined, seen.answer.startsWith("fails"), path);
      const by = `${asked.by} ${asked.reason}`;
      assert.equal(seen.calls === 0, asked.by === "index", `${path}: ${by}, ${seen.calls} system calls`);
      for (const what of [by, ...asked.besides]) reasons.set(what, (reasons.get(what) ?? 0) + 1);
    });
    return reasons;
  }

  function assertSeen(reasons: Map<string, number>, ...expected: string[]): void {
    if (!allowed) return;
    for (const reason of expected)
      assert.ok(reasons.has(reason), `${reason} was among ${[...reasons.keys()].join(", ")}`);
  }

  test(`${paths.length} paths of a tree at rest`, () => {
    assertSeen(
      compare(),
      "index virtual",
      "index absent",
      "index below-a-file",
      "kernel elsewhere",
      "kernel private",
      "kernel physical",
      "kernel link",
      "entry",
    );
  });

  test("what it would make physical is made physical by opening it for writing, and nothing else is", () => {
    const asking = { library: OBSERVED, index: phantom.environment["VRIFT_INDEX"] ?? "", cwd: root };
    const wanted = paths.filter((path) => !/kept|dir\/b/.test(path));
    const { answers } = askLibrary(asking, wanted);
    const before = reals(wanted).filter((path) => existsSync(path));
    const expected = wanted.flatMap((path, n) => {
      const answer = answers[n];
      const isEntry =
        answer?.seen !== undefined && (answer.by === "index" || answer.besides.includes("entry"));
      return isEntry ? reals([path]) : [];
    });
    const ended = spawnSync(program("asked"), ["write"], {
      cwd: root,
      env: { ...process.env, ...phantom.environment },
      input: wanted.map((path) => `${path}\0`).join(""),
    });
    assert.equal(ended.status, 0);
    const made = reals(wanted).filter((path) => existsSync(path) && !before.includes(path));
    assert.deepEqual(made, [...new Set(expected)].sort());
    assert.ok(made.length >= 4, made.join(" "));
  });

  test("the same after programs have written, removed and renamed", () => {
    const changed = sh("rm dir/b; mkdir made; echo x >> dir/x/a; mv dir/x/b a2", root, phantom.environment);
    assert.equal(changed.code, 0, changed.stderr);
    assertSeen(compare(), "kernel marked", "whiteout");
  });

  test("while the index is distrusted", async () => {
    await phantom.command("distrust 1");
    const reasons = compare();
    await phantom.command("distrust 0");
    assertSeen(reasons, "kernel distrusted");
    assert.ok(
      ![...reasons.keys()].some((reason) => reason.startsWith("index")),
      [...reasons.keys()].join(", "),
    );
  });

  test("after the changes were folded in, and when nobody keeps the index any more", async () => {
    await phantom.command("fold");
    assertSeen(compare(), "index virtual", "index absent");
    await phantom.command("die");
    assertSeen(compare(), "kernel distrusted");
  });

  function reals(given: readonly string[]): string[] {
    const found = given.flatMap((path) => resolveLinks(root, path).real ?? []);
    return [...new Set(found)].filter((path) => path.startsWith(`${root}/`)).sort();
  }
});

/** phantom, solid and clone of trees that somebody made to hurt: every name as it was, and nothing outside touched. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { clone } from "../../src/tree/clone.js";
import { phantom } from "../../src/tree/phantom.js";
import { solid } from "../../src/tree/solid.js";
import { statFile } from "../../src/workspace/stat-file.js";
import { listing, makeFixture } from "./fixture.js";

/** A path through it is over PATH_MAX (4,096) from here on. */
const DEEP = 300;
const MANY = 1_000;

const NAMES = [
  "line\nbreak\n", "\r", "tab\there", "\u0001\u001b[31mred\u007f", " ", " leading and trailing ", "-rf", "--", "*", "$(touch pwned)", "`id`", ";", "|", "'", '"', "\\", "a\\nb",
  "%s%n", "..hidden", "...", "~", "#", "é", "e\u0301", "\u202eevil", "\ufeffbom", "\ufffd", "日本語".repeat(28), "n".repeat(255), "😀".repeat(63),
  "case", "Case", "CASE", ".vrift-not", "vrift", "__proto__", "constructor", "toString",
]; // prettier-ignore

function makeHostileTree(root: string, outside: string): void {
  mkdirSync(join(root, "names"), { recursive: true });
  mkdirSync(join(root, "many"));
  for (const name of NAMES) {
    writeFileSync(join(root, "names", name), `content of ${name}`);
    mkdirSync(join(root, "d", name), { recursive: true });
    writeFileSync(join(root, "d", name, name), "inside");
  }
  for (const bytes of [
    [0xff, 0xfe],
    [0xc0, 0x80],
    [0xed, 0xa0, 0x80],
    [0x61, 0x0a, 0x80],
  ])
    // prettier-ignore
    writeFileSync(Buffer.concat([Buffer.from(`${root}/names/`), Buffer.from(bytes)]), "not UTF-8");
  for (let i = 0; i < MANY; i++) writeFileSync(join(root, "many", `f${i}`), String(i % 10));
  mkdirSync(join(root, "links"));
  const links: Record<string, string> = {
    file: join(outside, "secret"),
    directory: outside,
    relative: "../../outside",
    root: "/",
    loop: "loop",
    ping: "pong",
    pong: "ping",
    up: "..",
    long: "x".repeat(4000),
    proc: "/proc/self/mem",
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, "links", name));
  symlinkSync(outside, join(root, "names/way-out"));
}

function makeOutside(directory: string): { outside: string; untouched: () => void } {
  const outside = join(directory, "outside");
  mkdirSync(outside);
  writeFileSync(join(outside, "secret"), "outside", { mode: 0o640 });
  const before = [statSync(join(outside, "secret"), { bigint: true }), statSync(outside, { bigint: true })];
  const untouched = (): void => {
    const now = [statSync(join(outside, "secret"), { bigint: true }), statSync(outside, { bigint: true })];
    for (const [i, stat] of now.entries())
      assert.deepEqual([stat.ino, stat.mtimeNs, stat.ctimeNs, stat.mode], [before[i]!.ino, before[i]!.mtimeNs, before[i]!.ctimeNs, before[i]!.mode]); // prettier-ignore
    assert.deepEqual(readdirSync(outside), ["secret"]);
    assert.equal(readFileSync(join(outside, "secret"), "utf8"), "outside");
  };
  return { outside, untouched };
}

for (const kind of ["local", "daemon"] as const) {
  test(`${kind}: names, twins, crowds and links out: phantom, clone and solid give the same tree back`, async (t) => {
    const { directory, context } = await makeFixture(t, kind);
    const { outside, untouched } = makeOutside(directory);
    const root = join(directory, "tree");
    makeHostileTree(root, outside);
    const before = listing(root);
    const made = await phantom(root, context, { yes: true });
    assert.deepEqual(made.refused, []);
    assert.equal(made.files, 2 * NAMES.length + MANY);
    assert.equal(made.physical.name, 4);
    assert.equal(statFile(join(root, "names/n".padEnd(255, "n"))), undefined);
    const copy = join(directory, "copy");
    await clone(root, copy, context);
    await solid(root, context);
    assert.deepEqual(listing(root), before);
    await solid(copy, context);
    assert.deepEqual(withoutTimesOfLinks(listing(copy)), withoutTimesOfLinks(before));
    untouched();
  });
}

/** A clone's links point where the original's do; how old they are is the copy's own. */
function withoutTimesOfLinks(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/^(\S+ l \d+ \d+) \S+/, "$1")).sort();
}

test("directories so deep that no path reaches them: the tree is refused whole or the deep part stays, and nothing is lost", async (t) => {
  const { directory, context } = await makeFixture(t, "daemon");
  const root = join(directory, "deep");
  mkdirSync(root);
  writeFileSync(join(root, "top"), "top");
  // Half of them under the other half, which no single call could make.
  const half = Array.from({ length: DEEP / 2 }, () => "d".repeat(20)).join("/");
  mkdirSync(join(root, half), { recursive: true });
  const lower = join(directory, "lower");
  mkdirSync(join(lower, half), { recursive: true });
  writeFileSync(join(lower, half, "bottom"), "bottom");
  renameSync(lower, join(root, half, "lower"));
  const bottom = (): string => {
    const fd = openSync(join(root, half, "lower"), "r");
    try {
      return readFileSync(`/proc/self/fd/${fd}/${half}/bottom`, "utf8");
    } finally {
      closeSync(fd);
    }
  };
  let outcome = "made";
  try {
    await phantom(root, context, { yes: true });
    await solid(root, context);
  } catch (error) {
    outcome = (error as { code: string }).code;
  }
  try {
    t.diagnostic(outcome);
    assert.match(outcome, /^(made|ENAMETOOLONG)$/);
    assert.equal(readFileSync(join(root, "top"), "utf8"), "top");
    assert.equal(bottom(), "bottom");
  } finally {
    // No call of Node's takes such a tree away.
    execFileSync("rm", ["-rf", root]);
  }
});

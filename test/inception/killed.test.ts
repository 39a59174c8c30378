/**
 * Programs killed before and after every system call of an operation. What others see of it is all or nothing, and the same
 * whether the index answers, or the kernel is asked first, or the owner has folded in what was left.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { buildNative, makeTree, Phantom, program, sh, snapshot } from "./phantom-fixture.js";

const OPERATIONS = [
  "chmod",
  "open",
  "empty",
  "truncate",
  "utimens",
  "unlink",
  "create",
  "mkdir",
  "link",
  "rename",
  "replace",
  "exchange",
  "rename-directory",
  "into-directory",
];
/** Every so many stops a program is killed; `npm run torture` does it at each. */
const STRIDE = Number(process.env["VRIFT_KILL_STRIDE"] ?? 8);
const FIRST = randomInt(STRIDE);
/** More than any of the operations has stops. */
const DIRECTORIES = Math.ceil(280 / STRIDE);

/** A tree of one directory for each stop. All alike, down to the times. */
function makeDirectories(root: string, count: number): void {
  for (let n = 0; n < count; n += 1)
    makeTree(join(root, `c${n}`), {
      f: "content of f\n",
      g: "content of g, longer\n",
      "sub/x": "content of x\n",
      "sub/deep/y": "content of y\n",
    });
}

/** Lines of a snapshot by directory, without the directory's name. */
function byDirectory(lines: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of lines) {
    const match = /^(?:([0-9a-f]{64}) {2}\.\/)?(c\d+)\/(.*)$/.exec(line);
    const [, hash, directory = "", rest = ""] = match ?? [];
    if (match === null) continue;
    found.set(directory, [...(found.get(directory) ?? []), `${rest} ${hash ?? ""}`.trimEnd()]);
  }
  return found;
}

before(buildNative);

for (const operation of OPERATIONS)
  test(operation, async () => {
    const base = mkdtempSync(join(tmpdir(), "vrift-killed-"));
    const plain = join(base, "plain");
    const root = join(base, "home", "tree");
    const killed = `${program("killed")} ${operation}`;
    try {
      // On a plain tree: what it is before, and what it is after.
      mkdirSync(plain);
      makeDirectories(plain, 12);
      const first = byDirectory(snapshot(plain)).get("c0");
      const steps = sh(`${killed} 12 0 1`, plain);
      assert.equal(steps.stderr, "");
      const then = byDirectory(snapshot(plain)).get(`c${Number(steps.stdout)}`);
      assert.ok(first !== undefined && then !== undefined);
      const states = [first.join("\n"), then.join("\n")];

      makeDirectories(root, DIRECTORIES);
      const phantom = await Phantom.start(root, join(base, "run"), join(base, "source"));
      try {
        const done = sh(`${killed} ${DIRECTORIES} ${FIRST} ${STRIDE}`, root, phantom.environment);
        assert.equal(done.stderr, "");
        const stops = Number(done.stdout);
        const trusted = snapshot(root, phantom.environment);
        const seen = byDirectory(trusted);
        assert.equal(seen.size, DIRECTORIES);
        const counts = [0, 0];
        for (const [directory, lines] of seen) {
          const state = states.indexOf(lines.join("\n"));
          assert.notEqual(state, -1, `${directory}: ${lines.join("; ")} is neither before nor after`);
          const number = Number(directory.slice(1));
          if (number < stops) counts[state] = (counts[state] ?? 0) + 1;
          else assert.equal(lines.join("\n"), states[number === stops ? 1 : 0], directory);
        }
        console.log(
          `${operation}: ${stops} kills, ${counts[0]} left it as it was, ${counts[1]} as it should be`,
        );
        await phantom.command("distrust 1");
        assert.deepEqual(snapshot(root, phantom.environment), trusted, "the kernel asked first");
        await phantom.command("distrust 0");
        await phantom.command("fold");
        assert.deepEqual(snapshot(root, phantom.environment), trusted, "folded");
        // What remains is named after nobody's file, and harmless.
        const left = readdirSync(join(root, ".vrift", "whiteouts"));
        assert.deepEqual(left, []);
      } finally {
        await phantom.stop();
      }
    } finally {
      rmSync(base, { recursive: true, force: true });
    }
  });

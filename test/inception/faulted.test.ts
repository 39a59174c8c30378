/**
 * A system call of the library's fails, each one of an operation: the program is told an honest errno and the tree is as it was, or it is
 * told nothing and the operation is done. The same whether the index answers, or the kernel is asked first, or the owner has folded
 * in what was left.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { Phantom, buildNative, makeTree, program, sh, snapshot } from "./phantom-fixture.js";

const OPERATIONS = [
  ...["chmod", "open", "empty", "truncate", "utimens", "unlink", "create", "mkdir", "link"],
  ...["rename", "replace", "exchange", "rename-directory", "into-directory"],
];
/** Every so many calls one fails; `npm run torture` lets each fail. */
const STRIDE = Number(process.env["VRIFT_FAULT_STRIDE"] ?? 10);
const FIRST = randomInt(STRIDE);
/**
 * Not as on a plain file system, and known: a virtual file that is opened with O_TRUNC is made as an empty one, and stays empty when the open that
 * follows fails.
 */
const KNOWN: Readonly<Record<string, RegExp>> = {
  empty: /^c\d+: call 257 fails with \w+, told \w+; it is done$/,
};
/** More than any of the operations has calls. */
const DIRECTORIES = Math.ceil(160 / STRIDE);
const errnoNames = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** A tree of one directory for each call. All alike, down to the times. */
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
function byDirectory(lines: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of lines) {
    const match = /^(?:([0-9a-f]{64}) {2}\.\/)?(c\d+)\/(.*)$/.exec(line);
    const [, hash, directory = "", rest = ""] = match ?? [];
    if (match !== null)
      found.set(directory, `${found.get(directory) ?? ""}${rest} ${hash ?? ""}`.trimEnd().concat("\n"));
  }
  return found;
}

before(buildNative);

for (const operation of OPERATIONS)
  test(operation, async (t) => {
    const base = mkdtempSync(join(tmpdir(), "vrift-faulted-"));
    const plain = join(base, "plain");
    const root = join(base, "home", "tree");
    const faulted = `${program("faulted")} ${operation}`;
    try {
      mkdirSync(plain);
      makeDirectories(plain, 4);
      const first = byDirectory(snapshot(plain)).get("c0");
      // On a plain tree, far behind its last call: what it is after.
      assert.match(sh(`${faulted} 1 1000 1`, plain).stdout, /^end 0\n$/);
      const then = byDirectory(snapshot(plain)).get("c0");
      assert.ok(first !== undefined && then !== undefined);

      makeDirectories(root, DIRECTORIES);
      const phantom = await Phantom.start(root, join(base, "run"), join(base, "source"));
      try {
        const done = sh(`${faulted} ${DIRECTORIES} ${FIRST} ${STRIDE}`, root, phantom.environment);
        // Of a blob that the kernel cannot read; each call is a program of its own.
        assert.match(done.stderr, /^(vrift: the content of \S+ is not whole in the store; .*\n)*$/);
        const trusted = snapshot(root, phantom.environment);
        const seen = byDirectory(trusted);
        const problems: string[] = [];
        const told: string[] = [];
        for (const line of done.stdout.trim().split("\n").slice(0, -1)) {
          const [directory = "", call, error, result] = line.split(" ");
          const name = (number: string | undefined) => errnoNames.get(Number(number)) ?? number;
          const what = `${directory}: call ${call} fails with ${name(error)}, told ${name(result)}`;
          const state = seen.get(directory);
          told.push(`${call}:${name(error)}→${name(result)}`);
          if (
            state !== (result === "0" ? then : first) &&
            !(result !== "0" && state === then && first === then)
          )
            problems.push(
              `${what}; it is ${state === first ? "as before" : state === then ? "done" : `\n${state}`}`,
            );
          if (result !== "0" && result !== error) problems.push(`${what}, which is another`);
        }
        t.diagnostic(told.join(" "));
        const unknown = problems.filter((problem) => KNOWN[operation]?.test(problem) !== true);
        if (problems.length > unknown.length)
          t.diagnostic(`${problems.length - unknown.length} known differences`);
        assert.deepEqual(unknown, []);
        await phantom.command("distrust 1");
        assert.deepEqual(snapshot(root, phantom.environment), trusted, "the kernel asked first");
        await phantom.command("distrust 0");
        await phantom.command("fold");
        assert.deepEqual(snapshot(root, phantom.environment), trusted, "folded");
        for (const left of ["whiteouts", "staging"])
          assert.deepEqual(readdirSync(join(root, ".vrift", left)), [], left);
      } finally {
        await phantom.stop();
      }
    } finally {
      rmSync(base, { recursive: true, force: true });
    }
  });

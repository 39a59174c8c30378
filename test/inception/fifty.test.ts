/** Fifty processes at one virtual name in one moment, writers through mappings, and somebody who follows a log: as on a plain tree. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { buildNative, makeTree, Phantom, program, type TreeSpec } from "./phantom-fixture.js";

const PROCESSES = 50;
const MAPPED = 8;
const base = mkdtempSync(join(tmpdir(), "vrift-fifty-"));
const root = join(base, "home", "tree");
let phantom: Phantom;

const tree: Record<string, string> = { mapped: "\0".repeat(4096), "log.txt": "first\n" };
for (let turn = 0; turn < 4; turn++) {
  tree[`wanted${turn}`] = "content\n";
  tree[`lock${turn}`] = "held\n";
}

before(async () => {
  buildNative();
  makeTree(root, tree satisfies TreeSpec);
  phantom = await Phantom.start(root, join(base, "run"), join(base, "source"));
});
after(async () => {
  await phantom.stop();
  rmSync(base, { recursive: true, force: true });
});

/** Starts all, lets them go at once, and says which of them did it. */
async function together(commands: readonly (readonly string[])[]): Promise<number[]> {
  const running = commands.map((words) => {
    const child = spawn(program("contention"), words, {
      cwd: root,
      env: { ...process.env, ...phantom.environment },
      stdio: ["pipe", "pipe", "pipe"],
    });
    return { child, said: Promise.all([text(child.stdout), text(child.stderr)]) };
  });
  for (const { child } of running) child.stdin.end();
  const said = await Promise.all(running.map((one) => one.said));
  assert.deepEqual(
    said.map(([, stderr]) => stderr).filter((stderr) => stderr !== ""),
    [],
  );
  return said.flatMap(([stdout], i) => (stdout === "done\n" ? i : []));
}

const of = (count: number, words: (i: number) => string[]): string[][] =>
  Array.from({ length: count }, (_, i) => words(i));

test("of fifty that remove a virtual file one does, and of fifty that make it with O_EXCL one does", async () => {
  for (let turn = 0; turn < 4; turn++) {
    const lock = `lock${turn}`;
    assert.deepEqual(await together(of(5, () => ["exclusive", lock])), [], "it is there");
    assert.equal((await together(of(PROCESSES, () => ["unlink", lock]))).length, 1);
    assert.equal((await together(of(PROCESSES, () => ["exclusive", lock]))).length, 1);
    assert.equal(readFileSync(join(root, lock), "utf8"), "");
  }
});

test("a virtual file that some rename, some remove and some append to goes one way, with all that was appended", async () => {
  for (let turn = 0; turn < 4; turn++) {
    const name = `wanted${turn}`;
    const commands = of(PROCESSES, (i) =>
      i % 3 === 0
        ? ["unlink", name]
        : i % 3 === 1
          ? ["rename", name, `${name}.${i}`]
          : ["add", name, `line ${i}`],
    );
    const done = await together(commands);
    const takers = done.filter((i) => i % 3 !== 2);
    assert.equal(takers.length, 1, `turn ${turn}: ${takers.map((i) => commands[i]?.join(" ")).join(", ")}`);
    assert.deepEqual(
      readdirSync(root).filter((one) => one.startsWith(name)),
      takers.filter((i) => i % 3 === 1).map((i) => `${name}.${i}`),
    );
    for (const i of takers.filter((one) => one % 3 === 1)) {
      const lines = readFileSync(join(root, `${name}.${i}`), "utf8")
        .trimEnd()
        .split("\n");
      assert.equal(lines[0], "content");
      const expected = done.filter((one) => one % 3 === 2).map((one) => `line ${one}`);
      assert.deepEqual(lines.slice(1).sort(), expected.sort());
    }
    assert.deepEqual(await together([["add", name, "late"]]), [], "it stays gone");
    assert.equal(existsSync(join(root, name)), false);
  }
});

test("writers through shared mappings write to one file", async () => {
  await Promise.all(
    of(MAPPED, (i) => ["map", "mapped", "2000", String(i)]).map(async (words) => {
      const child = spawn(program("contention"), words, {
        cwd: root,
        env: { ...process.env, ...phantom.environment },
        stdio: ["ignore", "ignore", "pipe"],
      });
      assert.equal(await text(child.stderr), "");
    }),
  );
  const bytes = readFileSync(join(root, "mapped"));
  assert.equal(bytes.length, 4096);
  assert.deepEqual(
    Array.from({ length: MAPPED + 1 }, (_, i) => bytes.readBigInt64LE(8 * i)),
    [...Array<bigint>(MAPPED).fill(2000n), 0n],
  );
});

test("tail -f tells what is appended to a virtual log", async (t) => {
  const env = { ...process.env, ...phantom.environment };
  const tail = spawn("tail", ["-n", "+1", "-f", "log.txt"], {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => tail.kill("SIGKILL"));
  tail.stdout.setEncoding("utf8");
  const lines = tail.stdout[Symbol.asyncIterator]();
  let told = "";
  const toldAll = async (whole: string): Promise<void> => {
    while (told.length < whole.length) told += String((await lines.next()).value);
    assert.equal(told, whole);
  };
  await toldAll("first\n");
  await together([["add", "log.txt", "second"]]);
  await toldAll("first\nsecond\n");
  await together([["add", "log.txt", "third"]]);
  await toldAll("first\nsecond\nthird\n");
});

/** The library's second build (docs/observing.md): the same calls, each as right as in the first, which has nothing of it. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parseCall } from "../../src/cli/call-trace.js";
import { makeEachTree } from "./each-tree.js";
import { buildNative, LIBRARY, Phantom, program } from "./phantom-fixture.js";

const OBSERVED = join(dirname(LIBRARY), "observed", "libvrift_inception.so");
const CANNOT = 77;
const base = mkdtempSync(join(tmpdir(), "vrift-observed-"));
const root = join(base, "home", "tree");
let phantom: Phantom;
let rows: string[];

before(async () => {
  buildNative();
  rows = execFileSync(program("each"), ["--rows"], { encoding: "utf8" }).trim().split("\n");
  makeEachTree(root, rows);
  phantom = await Phantom.start(root, join(base, "run"), join(base, "source"));
});
after(async () => {
  await phantom.stop();
  rmSync(base, { recursive: true, force: true });
});

function exported(library: string): string {
  return execFileSync("nm", ["-D", "--defined-only", library], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.split(" ").slice(1).join(" "))
    .sort()
    .join("\n");
}

function runRow(row: string, env: Readonly<Record<string, string>>): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(program("each"), [row, "intercepted"], {
      cwd: join(root, row),
      env: { ...process.env, ...env },
      stdio: "ignore",
    });
    child.once("error", reject);
    child.once("close", resolve);
  });
}

describe("the two builds", () => {
  test("export the same, and programs' own has neither thread-local memory nor a word of traces", () => {
    assert.equal(exported(OBSERVED), exported(LIBRARY));
    const segments = execFileSync("readelf", ["-lW", LIBRARY], { encoding: "utf8" });
    assert.doesNotMatch(segments, /^\s+TLS\s/m);
    assert.ok(!readFileSync(LIBRARY).includes("VRIFT_TRACE"));
    assert.ok(readFileSync(OBSERVED).includes("VRIFT_TRACE"));
  });

  test("every case of an intercepted call is right while it is traced, and the trace has whole lines only", async () => {
    const trace = join(base, "trace");
    writeFileSync(trace, "", { mode: 0o600 });
    const env = { ...phantom.environment, LD_PRELOAD: OBSERVED, VRIFT_TRACE: trace };
    const wrong: string[] = [];
    const left = [...rows];
    const one = async (): Promise<void> => {
      for (let row = left.pop(); row !== undefined; row = left.pop()) {
        const code = await runRow(row, env);
        if (code !== 0 && code !== CANNOT) wrong.push(`${row}: ${code}`);
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, one));
    assert.deepEqual(wrong, []);
    const lines = readFileSync(trace, "latin1").split("\n").slice(0, -1);
    const strange = lines.filter((line) => parseCall(line) === undefined);
    assert.deepEqual(strange, []);
    const calls = new Set(lines.map((line) => parseCall(line)?.call));
    assert.ok(
      lines.length > 2 * rows.length && calls.size > 30,
      `${lines.length} lines of ${calls.size} calls`,
    );
  });
});

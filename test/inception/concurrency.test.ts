/** Several processes (and threads) at once on the same virtual files; programs killed in the middle of a first change. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { buildNative, makeTree, Phantom, program, sh, type TreeSpec } from "./phantom-fixture.js";

const NAMES = 300;
const WHOLE = "first\n".repeat(200);

const tree: Record<string, string> = {
  "log.txt": "first line\n",
  version: WHOLE,
  doomed: "x".repeat(1 << 20),
  marker: "",
};
for (let i = 0; i < NAMES; i++) tree[`many/f${i}`] = `file ${i}\n`;
for (let i = 0; i < 8; i++) tree[`again${i}`] = "old content\n";

class Workplace {
  readonly base = mkdtempSync(join(tmpdir(), "vrift-concurrency-"));
  readonly root = join(this.base, "home", "tree");
  phantom!: Phantom;

  async open(spec: TreeSpec): Promise<void> {
    makeTree(this.root, spec);
    this.phantom = await Phantom.start(this.root, join(this.base, "run"), join(this.base, "source"));
  }

  async close(): Promise<void> {
    await this.phantom.stop();
    rmSync(this.base, { recursive: true, force: true });
  }

  /** Resolves with stderr when it ends well. */
  contend(...words: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const child = spawn(program("contention"), words, {
        cwd: this.root,
        env: { ...process.env, ...this.phantom.environment },
        stdio: ["ignore", "inherit", "pipe"],
      });
      let stderr = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
      child.once("error", reject);
      child.once("close", (code, signal) => {
        if (code === 0 && stderr === "") resolve();
        else reject(new Error(`${words.join(" ")}: ${signal ?? code}: ${stderr}`));
      });
    });
  }
}

before(buildNative);

describe("several at once", () => {
  const place = new Workplace();
  before(() => place.open(tree));
  after(() => place.close());

  test("appends of eight processes to one virtual file are all there", async () => {
    const ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
    await Promise.all(ids.map((id) => place.contend("append", "log.txt", "50", id)));
    const lines = readFileSync(join(place.root, "log.txt"), "utf8").trimEnd().split("\n");
    const expected = [
      "first line",
      ...ids.flatMap((id) => Array.from({ length: 50 }, (_, n) => `${id} ${n}`)),
    ];
    assert.deepEqual(lines.sort(), expected.sort());
  });

  test("a file that is replaced by rename is there, and whole, at every moment", async () => {
    await Promise.all([
      ...[1, 2, 3].map(() => place.contend("watch", "version", "600")),
      ...[1, 2].map(() => place.contend("replace", "version", "200")),
    ]);
  });

  test("every listing tells every name once while all of them become physical", async () => {
    await Promise.all([
      ...[1, 2, 3].map(() => place.contend("list", "many", "60", String(NAMES))),
      place.contend("chmod", "many"),
    ]);
  });

  test("what a process removed and made again is what it made, whatever others do beside it", async () => {
    await Promise.all(Array.from({ length: 8 }, (_, n) => place.contend("recreate", `again${n}`, "60")));
  });

  test("threads read, write and change directory in one process", async () => {
    await place.contend("threads", "version", "300");
  });

  test("nothing is left in staging", () => {
    assert.deepEqual(readdirSync(join(place.root, ".vrift", "staging")), []);
  });
});

describe("kill -9 during the first change", () => {
  const place = new Workplace();
  before(() => place.open(tree));
  after(() => place.close());

  test("leaves the file as it was or physical, never half", () => {
    const seen = sh("cat doomed | cksum", place.root, place.phantom.environment).stdout;
    for (let turn = 0; turn < 40; turn++) {
      const delay = (turn % 20) / 2000;
      const killed = `chmod 600 doomed & sleep ${delay}; kill -9 $! 2>/dev/null; wait $! 2>/dev/null; cat doomed | cksum`;
      assert.equal(sh(killed, place.root, place.phantom.environment).stdout, seen);
      const physical = sh("test -e doomed && cksum < doomed", place.root).stdout;
      assert.ok(physical === "" || physical === seen, `turn ${turn}: ${physical}`);
      /* Virtual again, for the next turn. */
      sh("rm -f doomed", place.root);
    }
    assert.deepEqual(readdirSync(join(place.root, ".vrift", "staging")), []);
  });
});

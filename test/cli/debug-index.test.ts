import assert from "node:assert/strict";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { IndexReader } from "../../src/vdir/index-reader.js";
import { TestHome } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());
const project = join(home.work, "project");

before(() => {
  mkdirSync(join(project, "src"), { recursive: true });
  for (let n = 0; n < 50; n += 1) writeFileSync(join(project, "src", `file${n}`), `content of ${n}\n`);
  writeFileSync(join(project, "tool.sh"), "#!/bin/sh\n", { mode: 0o755 });
});

async function debug(...words: string[]) {
  const finished = await home.vrift(["debug", "index", ...words], { cwd: project });
  return {
    ...finished,
    data: words.includes("--json") && finished.stdout !== "" ? (JSON.parse(finished.stdout) as unknown) : {},
  } as {
    stdout: string;
    stderr: string;
    code: number | null;
    data: Record<string, unknown>;
  };
}

describe("debug index", () => {
  test("before there is one: ENOENT", async () => {
    const { code, stderr } = await debug();
    assert.equal(code, 1);
    assert.match(stderr, /ENOENT/);
  });

  test("header, occupancy, probes; one entry; agreement with manifest and tree", async () => {
    const { code, stderr } = await home.vrift(["phantom", "."], { cwd: project });
    assert.equal(code, 0, stderr);
    const whole = await debug("--json");
    // The root, src, .vrift (the kernel's), the program and the files.
    assert.equal(whole.data["entries"], 54, whole.stdout);
    assert.equal(whole.data["virtual"], 50);
    assert.equal(
      (whole.data["probes"] as number[]).reduce((sum, count) => sum + count),
      54,
    );
    assert.match((await debug()).stdout, /^daemon {4}alive/m);

    const one = await debug("src/file7", "--json");
    const entry = one.data["entry"] as Record<string, unknown>;
    assert.equal(entry["size"], String("content of 7\n".length));
    assert.deepEqual(entry["flags"], ["virtual", "hashed"]);
    assert.match((await debug("src/file7")).stdout, /^flags {5}virtual hashed$/m);
    assert.equal((await debug("src/nothing")).code, 1);

    const verified = await debug("--verify", "--json");
    assert.deepEqual([verified.code, verified.data["differences"]], [0, []], verified.stdout);
  });

  test("an entry that says something else than the manifest is found", async () => {
    const path = (await debug("--json")).data["index"] as string;
    const entry = IndexReader.open(path).lookup("src/file7");
    assert.ok(entry !== undefined);
    // Where its time is: wherever the layout has it.
    const bytes = readFileSync(path);
    const time = Buffer.alloc(8);
    time.writeBigInt64LE(entry.mtimeNs);
    const at = bytes.indexOf(time);
    assert.ok(at > 0);
    const fd = openSync(path, "r+");
    writeSync(fd, Buffer.alloc(8), 0, 8, at);
    closeSync(fd);
    const { code, stdout } = await debug("--verify");
    assert.equal(code, 1);
    assert.match(stdout, /: mtime is 0 in the index, \d+ in the manifest\n54 entries, 1 differences\n$/);
  });
});

/** `vrift snapshot`, `restore`, `diff` and `adopt` as a person types them. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { TestHome, vriftPath } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());
const project = join(home.work, "project");
const copy = join(home.work, "copy");

async function succeeds(args: readonly string[], cwd = project): Promise<string> {
  const { stdout, stderr, code } = await home.vrift(args, { cwd });
  assert.equal(code, 0, `vrift ${args.join(" ")}: ${stderr}`);
  assert.equal(stderr, "");
  return stdout;
}

/** Each test builds on those before. */
describe("snapshots of a workspace", () => {
  before(() => {
    mkdirSync(join(project, "src"), { recursive: true });
    writeFileSync(join(project, "src/a"), "one\ntwo\n");
    writeFileSync(join(project, "src/b"), "b\n");
  });

  test("snapshot says what it has, and is listed", async () => {
    assert.equal(await succeeds(["snapshot", "--list"]), `${project} has no snapshots.\n`);
    assert.match(
      await succeeds(["snapshot", "first"]),
      /^first has .*project as it is now: 2 files, 10 bytes\.\n.*restore first/,
    );
    assert.match(
      await succeeds(["snapshot", "-l"], join(project, "src")),
      /^first {2}\d{4}-.* UTC, 2 files, 10 bytes\n$/,
    );
    const again = await home.vrift(["snapshot", "first"], { cwd: project });
    assert.equal(again.code, 1);
    assert.match(again.stderr, /EEXIST: .* has a snapshot first already/);
    for (const args of [["snapshot"], ["snapshot", "--list", "--delete", "x"], ["snapshot", "-l", "a", "b"]])
      assert.equal((await home.vrift(args, { cwd: project })).code, 2);
  });

  test("diff against it, in its forms", async () => {
    assert.equal(await succeeds(["diff", "--snapshot", "first", "--exit-code"]), "");
    writeFileSync(join(project, "src/a"), "one\n2\n");
    const patch = await succeeds(["diff", "--snapshot", "first"]);
    assert.equal(
      patch,
      "diff --git a/src/a b/src/a\n--- a/src/a\n+++ b/src/a\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n",
    );
    assert.equal(await succeeds(["diff", "--snapshot", "first", "--name-status"]), "M\tsrc/a\n");
    assert.equal(
      await succeeds(["diff", "--snapshot", "first", "--stat"]),
      " src/a | 2 +-\n 1 changed, 1 insertions(+), 1 deletions(-)\n",
    );
    const { differences } = JSON.parse(await succeeds(["diff", "--snapshot", "first", "--json"])) as {
      differences: { path: string; status: string; was: { size: string } }[];
    };
    assert.deepEqual(
      differences.map(({ path, status, was }) => [path, status, was.size]),
      [["src/a", "M", "8"]],
    );
    assert.equal(
      (await home.vrift(["diff", "--snapshot", "first", "--exit-code"], { cwd: project })).code,
      1,
    );
    assert.match(
      (await home.vrift(["diff"], { cwd: project })).stderr,
      /ENOENT: .* was not cloned from anything/,
    );
  });

  test("restore brings it back, and takes that back", async () => {
    assert.match(
      await succeeds(["restore", "first"]),
      /is as it was in first: 1 put in place\.\n.*restore before-restore/,
    );
    assert.equal(readFileSync(join(project, "src/a"), "utf8"), "one\ntwo\n");
    assert.match(await succeeds(["restore", "first"]), /nothing had changed/);
    await succeeds(["snapshot", "--delete", "before-restore"]);
    assert.match((await home.vrift(["restore", "before-restore"], { cwd: project })).stderr, /ENOENT/);
  });

  test("a clone is listed with its source, and its changes are adopted", async () => {
    await succeeds(["phantom", project]);
    await succeeds(["clone", project, copy]);
    assert.ok((await succeeds(["list"])).includes(`cloned from ${project}\n`));
    assert.equal(await succeeds(["diff", copy]), "");
    await succeeds(["run", "sh", "-c", "echo 3 >> src/a; echo new > new; rm src/b"], copy);
    assert.equal(await succeeds(["diff", "--name-status"], copy), "A\tnew\nM\tsrc/a\nD\tsrc/b\n");
    assert.match(
      await succeeds(["adopt", copy, "src/a"]),
      /project has 1 change of .*copy:\n {2}M src\/a\n.*restore before-restore/,
    );
    assert.equal(await succeeds(["cat", "src/a"]), "one\ntwo\n3\n");
    writeFileSync(join(project, "new"), "other");
    const { code, stdout } = await home.vrift(["adopt", copy, "."], { cwd: copy });
    assert.equal(code, 1);
    assert.match(
      stdout,
      /^Nothing was done: 1 change is in conflict with .*project\.\n {2}new: made in the source, too\n/,
    );
    assert.equal(await succeeds(["ls", "src"]), "a\nb\n");
    assert.equal((await home.vrift(["adopt", copy, "../project"], { cwd: copy })).code, 1);
  });

  test("a program that reads all the while sees one file or the other", async () => {
    const size = 200_000;
    const file = join(copy, "big");
    for (const letter of ["a", "b"]) {
      writeFileSync(file, letter.repeat(size));
      await succeeds(["snapshot", letter], copy);
    }
    // Says so after each letter it had not seen in the read before; ends with what it has not expected.
    const script = `const { readFileSync } = require("node:fs");
      for (let last = ""; ; ) {
        const text = readFileSync("big", "latin1");
        if (text !== text[0].repeat(${size})) { console.log("mixed"); break; }
        if (text[0] !== last) console.log((last = text[0]));
      }`;
    const reader = spawn(vriftPath, ["run", process.execPath, "-e", script], {
      cwd: copy,
      env: home.env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = createInterface({ input: reader.stdout })[Symbol.asyncIterator]();
    try {
      for (const letter of ["b", "a", "b", "a"]) {
        if (letter !== "b" || readFileSync(file, "latin1")[0] !== "b")
          await succeeds(["restore", letter], copy);
        assert.equal((await lines.next()).value, letter);
      }
    } finally {
      reader.kill("SIGKILL");
      if (reader.exitCode === null && reader.signalCode === null) await once(reader, "exit");
    }
  });
});

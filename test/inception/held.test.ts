/** What happens in the middle of a call, at a chosen moment: others change the same names, and the owner folds that in. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import { buildNative, makeTree, Phantom, program, sh } from "./phantom-fixture.js";

const NEWFSTATAT = "262";
const OPENAT = "257";
const RENAMEAT = "264";

before(buildNative);

test("an entry whose change in place stopped in the middle says what it said before, in listings too", async () => {
  const base = mkdtempSync(join(tmpdir(), "vrift-half-"));
  const root = join(base, "tree");
  makeTree(root, { "dir/kept": "kept\n", "dir/other": "other\n" });
  const phantom = await Phantom.start(root, join(base, "run"), join(base, "source"));
  try {
    const script = "ls dir; stat -c '%s %Y' dir/kept; cat dir/kept; ls -l --time-style=+%s dir | grep kept";
    const before = sh(script, root, phantom.environment);
    assert.match(before.stdout, /^kept\nother\n5 /);
    await phantom.command("half dir/kept");
    assert.deepEqual(sh(script, root, phantom.environment), before, "stopped for a moment");
    await phantom.command("distrust 1");
    assert.deepEqual(sh(script, root, phantom.environment), before, "the kernel asked first");
    await phantom.stop();
    assert.deepEqual(sh(script, root, phantom.environment), before, "for ever");
  } finally {
    await phantom.stop();
    rmSync(base, { recursive: true, force: true });
  }
});

describe("in the middle of a call", () => {
  const base = mkdtempSync(join(tmpdir(), "vrift-held-"));
  const root = join(base, "tree");
  const source = join(base, "source");
  const ready = join(base, "ready");
  const folded = join(base, "folded");
  let phantom: Phantom;

  before(async () => {
    makeTree(root, {
      "stat.txt": "content of stat\n",
      "open.txt": "content of open\n",
      "dir/kept": "kept\n",
      "dir/removed": "removed\n",
      "full/": "",
      "locked.txt": "content of locked\n",
      "gone.txt": "content of gone\n",
      "edited.txt": "content of edited\n",
    });
    phantom = await Phantom.start(root, join(base, "run"), source);
  });
  after(async () => {
    await phantom.stop();
    rmSync(base, { recursive: true, force: true });
  });

  /** Ends in the shell after the owner has folded what the commands before it did. */
  const foldNow = `touch ${ready}; until [ -e ${folded} ]; do sleep 0.01; done; rm ${folded}`;

  async function held(...words: readonly string[]): Promise<string> {
    const child = spawn(program("held"), words, {
      cwd: root,
      env: { ...process.env, ...phantom.environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
    const closed = new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", () => resolve());
    });
    let running = true;
    void closed.finally(() => (running = false));
    while (running) {
      await sleep(5);
      if (!existsSync(ready)) continue;
      rmSync(ready);
      await phantom.command("fold");
      writeFileSync(folded, "");
    }
    await closed;
    return output;
  }

  test("a file that becomes physical after the kernel said ENOENT is there: stat", async () => {
    await phantom.command("distrust 1");
    const change = `echo more >> stat.txt; ${foldNow}`;
    const shell = ["sh", "-c", "[ -s stat.txt ] && echo there"];
    assert.equal(await held("exit", NEWFSTATAT, "stat.txt", change, ...shell), "there\n");
    await phantom.command("distrust 0");
  });

  test("the same: open", async () => {
    await phantom.command("distrust 1");
    const change = `echo more >> open.txt; ${foldNow}`;
    assert.equal(
      await held("exit", OPENAT, "open.txt", change, "cat", "open.txt"),
      "content of open\nmore\n",
    );
    await phantom.command("distrust 0");
  });

  test("what is removed from a directory whose rename then fails stays removed", async () => {
    writeFileSync(join(root, "full", "plain"), "");
    const rename = "try{require('fs').renameSync('dir','full')}catch(e){console.log(e.code)}";
    const output = await held("entry", RENAMEAT, "dir", "rm dir/removed", process.execPath, "-e", rename);
    assert.equal(output, "ENOTEMPTY\n");
    assert.equal(
      sh("ls dir; cat dir/removed 2>&1 | wc -l; cat dir/kept", root, phantom.environment).stdout,
      "kept\n1\nkept\n",
    );
    await phantom.command("fold");
    assert.equal(sh("ls dir; cat dir/kept", root, phantom.environment).stdout, "kept\nkept\n");
  });

  test("a descriptor whose file was changed or removed by others never changes a blob", async () => {
    const blobs = (): string[] =>
      readdirSync(source, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .sort()
        .map((path) => {
          const { mode, mtimeMs } = statSync(path);
          return `${path} ${mode} ${mtimeMs} ${readFileSync(path, "utf8")}`;
        });
    const before = blobs();
    const change = `chmod 600 locked.txt; rm gone.txt; ${foldNow}`;
    const output = await held("descriptors", "locked.txt", "gone.txt", change);
    assert.equal(output, "file 640 2000\ngone 640 2000\nby name 640 2000, lock held\n");
    assert.deepEqual(blobs(), before);
  });

  test("an editor sees the same inode before and after it opens for writing", () => {
    const script = `
      const fs = require("fs");
      fs.accessSync("edited.txt", fs.constants.W_OK);
      const { ino } = fs.statSync("edited.txt");
      const fd = fs.openSync("edited.txt", fs.constants.O_WRONLY | fs.constants.O_CREAT);
      console.log(fs.fstatSync(fd).ino === ino);`;
    const result = sh(`'${process.execPath}' -e '${script}'`, root, phantom.environment);
    assert.deepEqual(result, { code: 0, stdout: "true\n", stderr: "" });
  });
});

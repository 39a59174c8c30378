import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { projectRoot, TestHome } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());
const project = join(home.work, "project");

before(() => {
  mkdirSync(join(project, "src", "deep"), { recursive: true });
  writeFileSync(join(project, "README"), "read me\n", { mode: 0o640 });
  writeFileSync(join(project, "src", "a.txt"), "content of a\n");
  writeFileSync(join(project, "src", "deep", "empty"), "");
  writeFileSync(join(project, "src", "ü ✓"), "unicode\n");
  writeFileSync(join(project, "tool.sh"), "#!/bin/sh\necho tool\n", { mode: 0o755 });
  writeFileSync(join(project, ".env"), "SECRET=1\n");
  symlinkSync("src/a.txt", join(project, "link"));
});

async function succeeds(args: readonly string[], cwd = project): Promise<string> {
  const { stdout, stderr, code } = await home.vrift(args, { cwd });
  assert.equal(code, 0, `vrift ${args.join(" ")}: ${stderr}`);
  assert.equal(stderr, "");
  return stdout;
}

async function json(args: readonly string[], cwd = project): Promise<Record<string, unknown>> {
  return JSON.parse(await succeeds([...args, "--json"], cwd)) as Record<string, unknown>;
}

/** One workspace from solid over phantom and clone back to solid: each test builds on those before. */
describe("a workspace", () => {
  test("solid: run, ls, stat and cat see the files", async () => {
    assert.equal(await succeeds(["run", "cat", "README"]), "read me\n");
    assert.equal(await succeeds(["ls"]), [".env", "README", "link", "src/", "tool.sh"].join("\n") + "\n");
    assert.equal(await succeeds(["cat", "a.txt"], join(project, "src")), "content of a\n");
    const stat = await json(["stat", "a.txt"], join(project, "src"));
    assert.deepEqual(
      { path: stat["path"], state: stat["state"], size: stat["size"], mode: stat["mode"] },
      { path: "src/a.txt", state: "physical", size: "13", mode: "0644" },
    );
  });

  test("a git work tree is refused without --yes, and what is said names it", async () => {
    mkdirSync(join(project, ".git"));
    const { code, stderr } = await home.vrift(["phantom", "."], { cwd: project });
    assert.equal(code, 1);
    assert.match(stderr, /^vrift: VRIFT_GIT_TREE: [^\n]*\n {2}[^\n]*--yes/);
    assert.ok(statSync(join(project, "README")).isFile());
  });

  test("phantom --dry-run: what would go, how, and what would stay; nothing is changed", async () => {
    const text = await succeeds(["phantom", ".", "--yes", "--dry-run"]);
    assert.match(text, /project: 4 files, 29 bytes, would go into the store, by (link|copy|reflink) /);
    assert.match(text, /1 {2}may hold secrets/);
    assert.ok(statSync(join(project, "README")).isFile());
    assert.ok(!existsSync(join(project, ".vrift")));
    const { files, bytes } = JSON.parse(await succeeds(["ingest", "--dry-run", "--json"])) as Record<
      string,
      unknown
    >;
    assert.deepEqual([files, bytes], [4, "29"]);
  });

  test("phantom: what it means, what it freed, what stayed and why", async () => {
    const text = await succeeds(["phantom", ".", "--yes"]);
    assert.match(text, /is phantom: 4 files, 29 bytes/);
    assert.match(text, /git, editors, backups.*not there/);
    assert.match(text, /vrift solid/);
    assert.match(text, /\nHow: [34] by (link|copy|reflink)/);
    assert.match(text, /Disk space freed/);
    for (const reason of [/1 {2}symbolic links/, /1 {2}executables/, /1 {2}may hold secrets/, /\.git/]) {
      assert.match(text, reason);
    }
    assert.deepEqual(readdirSync(join(project, "src")), ["deep"]);
    assert.equal(readFileSync(join(project, ".env"), "utf8"), "SECRET=1\n");
  });

  test("phantom: programs under run see them, others do not", async () => {
    assert.equal(
      await succeeds(["run", "cat", "README", "src/ü ✓", "link"]),
      "read me\nunicode\ncontent of a\n",
    );
    assert.equal(await succeeds(["run", "./tool.sh"]), "tool\n");
    assert.notEqual((await home.execute("cat", ["README"], { cwd: project })).code, 0);
  });

  test("phantom: ls, stat and cat", async () => {
    assert.equal(await succeeds(["ls", "src"]), "a.txt\ndeep/\nü ✓\n");
    assert.match(await succeeds(["ls", "-l", "src"]), /^-0644 +13 {2}.* {2}[0-9a-f]{12} {2}a\.txt$/m);
    assert.equal(await succeeds(["cat", join(project, "src", "ü ✓")], "/"), "unicode\n");
    assert.equal(await succeeds(["cat", "src/deep/empty"]), "");
    const { state, content, content_hash } = await json(["stat", "README"]);
    assert.equal(state, "virtual");
    assert.match(String(content), new RegExp(`/${String(content_hash)}_8\\.bin$`));
    assert.equal(readFileSync(String(content), "utf8"), "read me\n");
    for (const command of ["cat", "stat"]) {
      const { code, stderr } = await home.vrift([command, "src/absent"], { cwd: project });
      assert.equal(code, 1);
      assert.match(stderr, /^vrift: ENOENT: .*src\/absent/);
    }
    assert.match((await home.vrift(["cat", "src"], { cwd: project })).stderr, /^vrift: EISDIR: /);
  });

  test("status marks the workspace of the working directory", async () => {
    const text = await succeeds(["status"], join(project, "src"));
    assert.match(
      text,
      new RegExp(`^\\* ${project}: phantom, .* 4 virtual \\(29 bytes\\)(, process \\d+)?$`, "m"),
    );
    assert.equal((await json(["status"]))["here"], project);
  });

  test("clone: its own workspace, whose changes are its own", async () => {
    const copy = join(home.work, "copy");
    assert.match(await succeeds(["clone", ".", copy]), /is a workspace of its own: 4 files from the store/);
    assert.equal(await succeeds(["run", "cat", "src/a.txt"], copy), "content of a\n");
    await succeeds(["run", "sh", "-c", "echo changed > src/a.txt"], copy);
    assert.equal(await succeeds(["run", "cat", "src/a.txt"], copy), "changed\n");
    assert.equal(await succeeds(["run", "cat", "src/a.txt"]), "content of a\n");
  });

  test("a command under run may call vrift, which sees the tree as it is on disk", async () => {
    const { stdout, code } = await home.bash(
      '"$VRIFT" run -- sh -c \'"$VRIFT" stat --json README; "$VRIFT" run -- cat README; cat README\'',
      {
        cwd: project,
      },
    );
    assert.equal(code, 0);
    assert.match(stdout, /"state":"virtual"[^\n]*\nread me\nread me\n$/);
  });

  test("the library is first in LD_PRELOAD, once, and what was there stays", async () => {
    const { stdout } = await home.bash(
      'LD_PRELOAD=/lib/x86_64-linux-gnu/libm.so.6 "$VRIFT" run -- sh -c \'"$VRIFT" run -- printenv LD_PRELOAD UV_USE_IO_URING\'',
      { cwd: project },
    );
    assert.equal(
      stdout,
      `${projectRoot}/build/native/libvrift_inception.so:/lib/x86_64-linux-gnu/libm.so.6\n0\n`,
    );
    const kept = await home.bash('UV_USE_IO_URING=1 "$VRIFT" run -- printenv UV_USE_IO_URING VRIFT_RUN', {
      cwd: project,
    });
    assert.match(kept.stdout, /^1\n[0-9a-f]{16}\n$/);
  });

  test("solid --all brings back every byte, mode and time", async () => {
    const before = await json(["stat", "README"]);
    const text = await succeeds(["solid", "--all"]);
    assert.match(text, /project is an ordinary directory again: 4 files/);
    assert.match(text, /copy is an ordinary directory again: 3 files/);
    const status = statSync(join(project, "README"), { bigint: true });
    assert.equal(String(status.mtimeNs), before["mtime_ns"]);
    assert.equal(status.mode & 0o7777n, 0o640n);
    assert.equal(readFileSync(join(project, "src", "ü ✓"), "utf8"), "unicode\n");
    assert.equal(readFileSync(join(home.work, "copy", "src", "a.txt"), "utf8"), "changed\n");
    assert.deepEqual(readdirSync(project).sort(), [".env", ".git", "README", "link", "src", "tool.sh"]);
    assert.equal(await succeeds(["solid", "--all"]), "No workspace is phantom.\n");
    assert.match((await home.vrift(["solid", "."], { cwd: project })).stderr, /VRIFT_NOT_PHANTOM/);
  });

  test("ingest leaves the tree alone and says what the store has", async () => {
    rmSync(join(home.work, "copy"), { recursive: true });
    assert.match(
      await succeeds(["ingest"], join(project, "src")),
      /project: 4 files, 29 bytes, are in the store: 3 were in the store before, 1 empty\./,
    );
    assert.equal(readFileSync(join(project, "README"), "utf8"), "read me\n");
  });

  test("vrift does not turn itself into content", async () => {
    const { code, stderr } = await home.vrift(["phantom", projectRoot, "--yes"]);
    assert.equal(code, 1);
    assert.match(stderr, /VRIFT_ROOT_REFUSED: .* holds the vrift that is running/);
  });
});

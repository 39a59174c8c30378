import assert from "node:assert/strict";
import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { TestHome, vriftPath } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());

describe("exit status of run", () => {
  test("is the command's own", async () => {
    for (const code of [0, 1, 7, 125, 255]) {
      assert.equal((await home.vrift(["run", "--", "sh", "-c", `exit ${code}`])).code, code);
    }
  });

  test("is a signal when the command dies of one", async () => {
    assert.equal((await home.vrift(["run", "sh", "-c", "kill -KILL $$"])).signal, "SIGKILL");
  });

  test("127: there is no such command", async () => {
    const { code, stderr } = await home.vrift(["run", "no-such-command-anywhere"]);
    assert.equal(code, 127);
    assert.match(stderr, /^vrift: ENOENT: no-such-command-anywhere: /m);
  });

  test("126: it cannot be executed", async () => {
    const file = join(home.work, "plain-text");
    writeFileSync(file, "text\n");
    const { code, stderr } = await home.vrift(["run", "--", file]);
    assert.equal(code, 126);
    assert.match(stderr, /^vrift: EACCES: .*plain-text: /m);
  });

  test("125: vrift did not understand or refused", async () => {
    for (const args of [
      ["run"],
      ["run", "--"],
      ["run", "--no-such", "--", "true"],
      ["run", "--root", "/nowhere", "true"],
    ]) {
      const { code, stderr, stdout } = await home.vrift(args);
      assert.equal(code, 125, args.join(" "));
      assert.match(stderr, /^vrift: [A-Z_]+: .+\n {2}.+$/m);
      assert.equal(stdout, "");
    }
    const refused = await home.vrift(["run", "true"], { cwd: home.home });
    assert.equal(refused.code, 125);
    assert.match(refused.stderr, /VRIFT_ROOT_REFUSED/);
  });

  test("a script without #! runs as execvp runs it", async () => {
    const script = join(home.work, "no-hashbang");
    writeFileSync(script, "exit 9\n");
    chmodSync(script, 0o755);
    assert.equal((await home.vrift(["run", "./no-hashbang"])).code, 9);
  });
});

describe("exit status of the others", () => {
  test("2: not understood, with what may have been meant", async () => {
    const { code, stderr } = await home.vrift(["statsu"]);
    assert.equal(code, 2);
    assert.match(stderr, /did you mean `vrift status`\?/);
    assert.equal((await home.vrift([])).code, 2);
    assert.equal((await home.vrift(["debug", "decode", "nothing"])).code, 2);
  });
});

describe("the launcher", () => {
  test("works through symbolic links and from PATH", async () => {
    const link = join(home.work, "v");
    symlinkSync(vriftPath, join(home.work, "v1"));
    symlinkSync("v1", link);
    for (const command of [
      "./v run echo hi",
      `cd / && ${link} run --root ${home.work} echo hi`,
      "PATH=.:$PATH v run echo hi",
    ]) {
      assert.equal((await home.bash(command)).stdout, "hi\n", command);
    }
  });

  test("does not eat the command's input, and NODE_OPTIONS is the command's alone", async () => {
    const { stdout } = await home.bash(
      'printf "a\\nb\\n" | NODE_OPTIONS=--no-such-option "$VRIFT" run sh -c \'cat; echo $NODE_OPTIONS\'',
    );
    assert.equal(stdout, "a\nb\n--no-such-option\n");
  });

  test("runs the command when node cannot even start, and says so", async () => {
    const { code, stdout, stderr } = await home.bash(
      'mkdir -p only && ln -sf "$(command -v sh)" "$(command -v find)" only/ && VRIFT_HOME=$PWD/no-daemon PATH=$PWD/only "$VRIFT" run -- sh -c "echo ran; exit 3"',
    );
    assert.equal(stdout, "ran\n");
    assert.equal(code, 3);
    assert.match(stderr, /node cannot be started/);
    assert.match(stderr, /VRIFT_NO_DAEMON.*runs without vrift/);
  });
});

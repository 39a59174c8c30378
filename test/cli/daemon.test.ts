import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { TestHome } from "./vrift-process.js";

/** Far more than processors, each a node process or two; a few hundred once in a while: VRIFT_TEST_STARTERS=200. */
const STARTERS = Number(process.env["VRIFT_TEST_STARTERS"] ?? 16);

let home: TestHome;
beforeEach(() => {
  home = new TestHome();
});
afterEach(() => home.remove());

interface Status {
  readonly pid: number;
}

async function daemonPid(): Promise<number> {
  return (JSON.parse((await home.vrift(["daemon", "status", "--json"])).stdout) as Status).pid;
}

/** Not counting a process that has ended and waits to be collected. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\t[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
}

function log(): string {
  return readFileSync(join(home.home, ".vrift/log/vriftd.log"), "utf8");
}

describe("daemon", () => {
  test("status, start, restart, stop, logs", async () => {
    const none = await home.vrift(["daemon", "status"]);
    assert.deepEqual([none.code, none.stdout], [1, "No daemon is running; commands start it.\n"]);
    assert.equal((await home.vrift(["daemon", "stop"])).stdout, "No daemon was running.\n");
    assert.equal((await home.vrift(["daemon", "logs"])).stdout, "");
    assert.equal((await home.vrift(["status"])).code, 0);

    assert.match(
      (await home.vrift(["daemon", "start"])).stdout,
      /^daemon +process \d+, vrift .*\nsocket +.*\nsocket +.*\nlog +/,
    );
    const first = await daemonPid();
    assert.match((await home.vrift(["daemon", "restart"])).stdout, /^daemon +process \d+/);
    const second = await daemonPid();
    assert.notEqual(second, first);
    assert.equal(isRunning(first), false);

    const { stdout } = await home.vrift(["daemon", "logs", "--lines", "1"]);
    assert.match(stdout, /^[^\n]+ info [^\n]+\n$/);
    assert.equal((await home.vrift(["daemon", "logs", "--lines", "many"])).code, 2);
    assert.equal((await home.vrift(["daemon", "dance"])).code, 2);
    assert.match((await home.vrift(["daemon", "stop"])).stdout, new RegExp(`process ${second}`));
    assert.equal(isRunning(second), false);
  });

  test("logs -f shows what is added until it is ended", async () => {
    await home.vrift(["daemon", "start"]);
    const { stdout, signal } = await home.bash(`
      "$VRIFT" daemon logs -f --lines 0 > followed &
      sleep 0.7; echo added >> "$VRIFT_HOME/log/vriftd.log"
      for i in 1 2 3 4 5 6 7 8 9 10; do grep -q added followed && break; sleep 0.2; done
      kill $!; cat followed`);
    assert.equal(stdout, "added\n");
    assert.equal(signal, null);
  });

  test(
    `${STARTERS} runs at once without a daemon start exactly one, and all succeed`,
    { timeout: 120_000 },
    async () => {
      const runs = await Promise.all(
        Array.from({ length: STARTERS }, () => home.vrift(["run", "--", "true"])),
      );
      for (const { code, stderr, stdout } of runs)
        assert.deepEqual({ code, stderr, stdout }, { code: 0, stderr: "", stdout: "" });
      assert.equal(log().match(/ started /g)?.length, 1);
    },
  );

  test("killed between two commands: the next one starts another", async () => {
    writeFileSync(join(home.work, "file"), "content\n");
    assert.equal((await home.vrift(["phantom", "."])).code, 0);
    const first = await daemonPid();
    process.kill(first, "SIGKILL");
    const { stdout, stderr, code } = await home.vrift(["run", "cat", "file"]);
    assert.deepEqual({ stdout, stderr, code }, { stdout: "content\n", stderr: "", code: 0 });
    assert.notEqual(await daemonPid(), first);
  });

  test("frozen: nothing hangs, the command runs with another one, and stop ends it", async () => {
    writeFileSync(join(home.work, "file"), "content\n");
    assert.equal((await home.vrift(["phantom", "."])).code, 0);
    const frozen = await daemonPid();
    process.kill(frozen, "SIGSTOP");
    const status = await home.vrift(["status"]);
    assert.equal(status.code, 1);
    assert.match(status.stderr, /^vrift: ETIMEDOUT: /);
    const run = await home.vrift(["run", "cat", "file"]);
    assert.deepEqual([run.code, run.stdout], [0, "content\n"]);
    assert.match(
      run.stderr,
      new RegExp(`^vrift: the daemon, process ${frozen}, is frozen; another one takes its place\n$`),
    );
    assert.equal(isRunning(frozen), false);
    const next = await daemonPid();
    process.kill(next, "SIGSTOP");
    const stop = await home.vrift(["daemon", "stop"]);
    assert.match(stop.stdout, new RegExp(`^Killed the daemon, process ${next}`));
    assert.equal(isRunning(next), false);
  });

  test("with a frozen project: stop ends both, in order", async () => {
    writeFileSync(join(home.work, "file"), "content\n");
    assert.equal((await home.vrift(["phantom", "."])).code, 0);
    const pid = await daemonPid();
    const { stdout: children } = await home.bash(`cat /proc/${pid}/task/${pid}/children`);
    const frozen = Number(children.trim().split(" ").at(-1));
    assert.ok(frozen > 0);
    process.kill(frozen, "SIGSTOP");
    const { stdout, stderr, code } = await home.vrift(["daemon", "stop"]);
    assert.deepEqual(
      { stdout, stderr, code },
      { stdout: `Stopped the daemon, process ${pid}.\n`, stderr: "", code: 0 },
    );
    assert.equal(isRunning(pid), false);
    assert.equal(isRunning(frozen), false);
  });

  test("the daemon carries nothing of the run that started it", async () => {
    await home.bash(
      'exec 5>lock 7</etc/passwd; LD_PRELOAD=/lib/x86_64-linux-gnu/libm.so.6 "$VRIFT" run -- true',
    );
    const { stdout } = await home.bash(`
      ls -l /proc/${await daemonPid()}/fd | grep -c -e lock$ -e passwd; readlink /proc/${await daemonPid()}/cwd
      tr '\\0' '\\n' < /proc/${await daemonPid()}/environ | grep -c -e ^LD_PRELOAD -e ^VRIFT_INDEX -e ^VRIFT_RUN`);
    // The daemon's own lock is run/vriftd.lock.
    assert.equal(stdout, "1\n/\n0\n");
  });
});

describe("without a daemon", () => {
  /** The daemon cannot write its log where a file stands in its place. */
  function preventStart(): void {
    const root = join(home.home, ".vrift");
    rmSync(join(root, "sockets"), { recursive: true, force: true });
    writeFileSync(join(root, "sockets"), "in the way\n");
  }

  test("run says so in a note, and the command runs with its own exit status", async () => {
    mkdirSync(join(home.home, ".vrift"), { mode: 0o700 });
    preventStart();
    const { code, stdout, stderr } = await home.vrift(["run", "sh", "-c", "echo ran; exit 5"]);
    assert.deepEqual({ code, stdout }, { code: 5, stdout: "ran\n" });
    assert.match(stderr, /^vrift: [A-Z_]+: .*going on without the daemon\n$/);
  });

  test("a phantom tree is still seen, and `solid` brings it back", async () => {
    writeFileSync(join(home.work, "file"), "content\n");
    assert.equal((await home.vrift(["phantom", "."])).code, 0);
    await home.vrift(["daemon", "stop"]);
    preventStart();
    const { code, stdout } = await home.vrift(["run", "cat", "file"]);
    assert.deepEqual({ code, stdout }, { code: 0, stdout: "content\n" });
    const solid = await home.vrift(["solid", "."]);
    assert.equal(solid.code, 0, solid.stderr);
    assert.match(solid.stderr, /^vrift: [A-Z_]+: .*going on without the daemon\n$/);
    assert.equal(readFileSync(join(home.work, "file"), "utf8"), "content\n");
    rmSync(join(home.home, ".vrift/sockets"));
  });
});

describe("doctor", () => {
  test("all is well in a fresh home", async () => {
    const { stdout, code } = await home.vrift(["doctor"]);
    assert.equal(code, 0, stdout);
    for (const line of stdout.trimEnd().split("\n").slice(0, -2)) assert.match(line, /^(ok|warn|fail| {6}) /);
    for (const what of ["node v", "addon loads", "library loads", "daemon answers", "store", "inotify"]) {
      assert.match(stdout, new RegExp(`^ok .*${what}`, "m"));
    }
  });

  test("names what is wrong and what to do, and ends with 1", async () => {
    await home.vrift(["daemon", "start"]);
    await home.vrift(["daemon", "stop"]);
    chmodSync(join(home.home, ".vrift"), 0o755);
    rmSync(join(home.home, ".vrift/sockets"), { recursive: true });
    writeFileSync(join(home.home, ".vrift/sockets"), "");
    const { stdout, code } = await home.vrift(["doctor"]);
    assert.equal(code, 1);
    assert.match(stdout, /^warn .*open to others.*\n {6}chmod 700 /m);
    assert.match(stdout, /^fail .*daemon does not answer.*\n {6}Look at the end of its log/m);
    assert.match(stdout, /\n1 fail, 1 warn\n$/);
    rmSync(join(home.home, ".vrift/sockets"));
  });
});

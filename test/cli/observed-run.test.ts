/** `vrift run --stats` and VRIFT_TRACE: docs/observing.md. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parseCall, tracedPath } from "../../src/cli/call-trace.js";
import type { TracedCall } from "../../src/cli/call-trace.js";
import { launcherPath, TestHome } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());
const project = join(home.work, "project");
const cwd = project;
/** What COMMAND says on a descriptor of its own goes before the counts. */
const FILES = 20;

interface Sum {
  readonly calls: number;
  readonly index: Readonly<Record<string, number>>;
  readonly kernel: Readonly<Record<string, number>>;
  readonly entry_after_kernel: number;
  readonly hydrated: number;
}
interface Counts extends Sum {
  readonly programs: number;
  readonly static_programs: number;
  readonly daemon: number;
  readonly families: Readonly<Record<string, Sum>>;
}

before(async () => {
  mkdirSync(join(project, "src"), { recursive: true });
  for (let n = 0; n < FILES; n += 1) writeFileSync(join(project, "src", `file${n}`), `content of ${n}\n`);
  const { code, stderr } = await home.vrift(["phantom", "."], { cwd });
  assert.equal(code, 0, stderr);
});

/** Of the last line of standard error. */
function countsIn(stderr: string): Counts {
  const line = stderr.trimEnd().split("\n").at(-1) ?? "";
  assert.match(line, /^\{.*\}$/, stderr);
  return JSON.parse(line) as Counts;
}

const total = (by: Readonly<Record<string, number>>): number =>
  Object.values(by).reduce((sum, count) => sum + count, 0);

async function counted(script: string): Promise<Counts> {
  const { code, stderr } = await home.vrift(["run", "--stats=json", "--", "sh", "-c", script], { cwd });
  assert.equal(code, 0, stderr);
  return countsIn(stderr);
}

describe("run --stats", () => {
  test("counts every call once, by who answered, over all programs of the run", async () => {
    const counts = await counted(
      `cat src/* >/dev/null; cat src/none 2>/dev/null; echo x >> src/file3; (exec cat src/file4) >/dev/null`,
    );
    assert.ok(counts.programs >= 4, `${counts.programs} programs`);
    assert.equal(counts.hydrated, 1);
    assert.equal(counts.daemon, 1);
    assert.equal(counts.static_programs, 0);
    assert.equal(counts.calls, total(counts.index) + total(counts.kernel));
    const families = Object.values(counts.families);
    assert.equal(
      families.reduce((sum, family) => sum + family.calls, 0),
      counts.calls,
    );
    const { openat } = counts.families;
    // By the index, or, while the tree's process has not looked yet, by it after the kernel.
    assert.ok(
      (openat?.index["virtual"] ?? 0) + (openat?.entry_after_kernel ?? 0) >= FILES,
      JSON.stringify(counts),
    );
    assert.equal(openat?.hydrated, 1);
    assert.ok((counts.families["execve"]?.calls ?? 0) >= 3);
  });

  test("for people, on standard error, and nothing else changes", async () => {
    const { code, stdout, stderr } = await home.vrift(
      ["run", "--stats", "--", "sh", "-c", "cat src/file1; echo said >&2; exit 5"],
      { cwd },
    );
    assert.equal(code, 5);
    assert.equal(stdout, "content of 1\n");
    assert.match(
      stderr,
      /^said\nvrift: \d+ calls of \d+ programs\n {2}index .*\n {2}kernel .*\n(.*\n)* {2}daemon {4}asked 1 time/,
    );
  });

  test("into a file; one that cannot be written is told on standard error", async () => {
    const file = join(home.work, "counts.json");
    const { stderr } = await home.vrift(["run", "--stats=../counts.json", "--", "cat", "src/file1"], { cwd });
    assert.equal(stderr, "");
    assert.ok((JSON.parse(readFileSync(file, "utf8")) as Counts).calls > 0);
    const failed = await home.vrift(["run", "--stats=/nowhere/counts", "--", "true"], { cwd });
    assert.equal(failed.code, 0);
    assert.match(failed.stderr, /^vrift: \/nowhere\/counts: the counts cannot be written: .*\n\{.*\}\n$/);
    const misspelt = await home.vrift(["run", "--stats=jsn", "--", "true"], { cwd });
    assert.equal(misspelt.code, 125);
    assert.match(misspelt.stderr, /neither json nor a path \(with a slash, as \.\/jsn\)/);
  });

  test("a program that is killed has counted until then", async () => {
    const counts = await counted(`sh -c 'test -e src/none; kill -9 $$'; true`);
    assert.ok((counts.families["fstatat"]?.calls ?? 0) + (counts.families["faccessat"]?.calls ?? 0) > 0);
    const killed = await home.vrift(
      ["run", "--stats=json", "--", "sh", "-c", "test -e src/file1; kill -9 $$"],
      { cwd },
    );
    assert.equal(killed.signal, "SIGKILL");
    assert.ok(countsIn(killed.stderr).calls > 0);
  });

  test("a run inside adds to it, and an environment made empty does not lose it", async () => {
    const one = await counted("cat src/file5 >/dev/null");
    const two = await counted(
      `"${launcherPath}" run -- cat src/file5 >/dev/null; env -i /bin/cat src/file5 >/dev/null`,
    );
    assert.equal(two.daemon, 2);
    assert.ok((two.families["openat"]?.calls ?? 0) >= 2 * (one.families["openat"]?.calls ?? 0));
  });

  test("statically linked programs are told", async () => {
    const program = join(home.work, "static");
    // Without libc, so that no static libc needs to be installed.
    writeFileSync(
      `${program}.c`,
      '__asm__(".globl _start\\n_start: mov $60, %eax\\n xor %edi, %edi\\n syscall\\n");\n',
    );
    const built = spawnSync("cc", ["-static", "-nostdlib", "-nostartfiles", "-o", program, `${program}.c`], {
      encoding: "utf8",
    });
    assert.equal(built.status, 0, built.stderr);
    const { stderr } = await home.vrift(["run", "--stats", "--", "sh", "-c", `${program}; ${program}`], {
      cwd,
    });
    assert.match(stderr, /not counted: 2 starts of statically linked programs/);
  });

  test("leaves nothing in the run directory, and takes away what a killed one left", async () => {
    const runs = join(home.home, ".vrift", "run");
    const left = (): string[] =>
      readdirSync(runs, { recursive: true, encoding: "utf8" }).filter((name) => /\/stats\//.test(name));
    assert.deepEqual(left(), []);
    const { stdout } = await home.bash(
      `"${launcherPath}" run --stats -- sh -c 'kill -9 $PPID; exec sleep 60'; echo $?`,
      { cwd },
    );
    assert.equal(stdout.trim(), "137");
    assert.equal(left().length, 1);
    await counted("true");
    assert.deepEqual(left(), []);
  });

  test("in a solid tree, and without a library, COMMAND runs", async () => {
    const solid = join(home.work, "solid");
    mkdirSync(solid);
    const { code, stderr } = await home.vrift(["run", "--stats", "--", "sh", "-c", "exit 3"], { cwd: solid });
    assert.equal(code, 3);
    assert.match(stderr, /^vrift: \d+ calls of 1 program\n {2}index {5}0\n/);
  });
});

describe("COMMAND under --stats", () => {
  test("gets what is sent to vrift, once, and vrift ends by the same signal", async () => {
    for (const signal of ["TERM", "USR1", "HUP", "INT"]) {
      const { stdout } = await home.bash(
        `set -m
        rm -f ready
        "${launcherPath}" run --stats -- sh -c 'trap "echo got ${signal}; touch got" ${signal}; touch ready; until [ -e go ]; do sleep 0.02; done; exit 4' 2>/dev/null &
        until [ -e ready ]; do sleep 0.02; done
        kill -${signal} $!; until [ -e got ]; do sleep 0.02; done; touch go; wait $!; echo $?
        rm -f ready go got
        "${launcherPath}" run --stats -- sh -c 'touch ready; exec sleep 60' 2>/dev/null &
        until [ -e ready ]; do sleep 0.02; done
        kill -${signal} $!; wait $!; kill -l $?`,
        { cwd },
      );
      assert.equal(stdout, `got ${signal}\n4\n${signal}\n`);
    }
  });

  test("is killed when vrift is", async () => {
    const { stdout } = await home.bash(
      `"${launcherPath}" run --stats -- sh -c 'echo $$ > pid; exec sleep 60' &
      until [ -s pid ]; do sleep 0.02; done
      kill -KILL $!; wait $! 2>/dev/null
      for i in 1 2 3 4 5 6 7 8 9 10; do grep -qs "State:.[RSD]" "/proc/$(cat pid)/status" || break; sleep 0.1; done
      grep -qs "State:.[RSD]" "/proc/$(cat pid)/status" && echo lives || echo ended`,
      { cwd },
    );
    assert.equal(stdout, "ended\n");
  });

  test("stops vrift when it stops, and goes on with it", async () => {
    const state = `sed -n 's/^State:.\\(.\\).*/\\1/p' /proc`;
    const { stdout } = await home.bash(
      `set -m
      rm -f pid go
      "${launcherPath}" run --stats -- sh -c 'echo $$ > pid; until [ -e go ]; do sleep 0.02; done; exit 6' 2>/dev/null &
      until [ -s pid ]; do sleep 0.02; done
      waitFor() { until [ "$(${state}/$1/status)" = T ]; do sleep 0.02; done; }
      kill -STOP $(cat pid); waitFor $!; jobs -s | grep -c Stopped
      touch go; kill -CONT -- -$!; wait $!; echo $?
      rm -f pid go`,
      { cwd },
    );
    assert.equal(stdout, "1\n6\n");
  });

  test("has descriptors, mask, dispositions, group and limits as they were; vrift holds none of them", async () => {
    const script = `exec 5</etc/passwd; trap '' USR2 CHLD; ulimit -S -n 300; umask 027
      RUN sh -c 'ls /proc/$$/fd; grep -E "^Sig(Blk|Ign|Cgt)" /proc/self/status; ulimit -n; umask; cut -d" " -f5,6 /proc/$$/stat' <&-`;
    const plain = await home.bash(script.replace("RUN", ""), { cwd });
    const run = await home.bash(script.replace("RUN", `"${launcherPath}" run --stats --`), { cwd });
    // The process group and session are the shell's, another one each time.
    const steady = (text: string): string => text.replace(/\d+ \d+\n$/, "");
    assert.equal(steady(run.stdout), steady(plain.stdout));
    // `cat` and the lock end when COMMAND has closed its own, which is alive.
    const held = await home.bash(
      `( "${launcherPath}" run --stats -- sh -c 'exec >&- 9>&-; until [ -e read ]; do sleep 0.02; done; touch gone' 2>/dev/null 9>lock & ) | cat
      flock -n lock true && echo free; touch read; until [ -e gone ]; do sleep 0.02; done`,
      { cwd },
    );
    assert.equal(held.stdout, "free\n");
    rmSync(join(cwd, "read"));
  });
});

function callsIn(file: string): TracedCall[] {
  const lines = readFileSync(file, "latin1").split("\n");
  assert.equal(lines.pop(), "", "the last line is whole");
  return lines.map((line) => {
    const call = parseCall(line);
    assert.ok(call, `not a line of a trace: ${line}`);
    return call;
  });
}

describe("VRIFT_TRACE", () => {
  const trace = join(home.work, "trace");
  const traced = async (script: string, file = "../trace"): Promise<TracedCall[]> => {
    rmSync(trace, { force: true });
    const { code, stderr } = await home.vrift(["run", "--", "sh", "-c", script], {
      cwd,
      env: { VRIFT_TRACE: file },
    });
    assert.deepEqual([code, stderr], [0, ""]);
    return callsIn(trace);
  };

  test("has a line for each call of each program, private to its user", async () => {
    const calls = await traced(`cat src/file6 >/dev/null; cat src/none 2>/dev/null; echo x >> src/file7`);
    assert.equal(statSync(trace).mode & 0o777, 0o600);
    const of = (path: string): TracedCall[] =>
      calls.filter(({ operands }) => tracedPath(operands)?.toString() === path);
    assert.ok(of("src/file6").some(({ call, result = -1 }) => call === "openat" && result >= 0));
    assert.ok(
      of("src/none").some(
        ({ call, result, errno }) => call === "openat" && result === -1 && errno === "ENOENT",
      ),
    );
    assert.ok(of("src/file7").some(({ besides }) => besides.includes("hydrated")));
    const starts = calls.filter(({ call }) => call === "start");
    assert.ok(starts.length >= 3 && starts.every(({ by }) => by === "index"));
    assert.ok(calls.some(({ call, result }) => call === "execve" && result === undefined));
    assert.ok(calls.some(({ call, result }) => call === "fork" && result === undefined));
  });

  test("children and canonical names: fork, posix_spawn with the child's number, realpath of a virtual file", async () => {
    const script = `
      import os
      os.waitpid(os.posix_spawn("/bin/true", ["true"], os.environ), 0)
      if os.fork() == 0: os._exit(0)
      os.wait()`;
    const calls = await traced(
      `'${process.execPath}' -e 'fs.realpathSync.native("src/file6")'; python3 -c '${script.replaceAll("\n      ", "\n").trim()}'`,
    );
    const [spawned] = calls.filter(({ call }) => call === "posix_spawn");
    assert.equal(tracedPath(spawned?.operands ?? "")?.toString(), "/bin/true");
    assert.ok(calls.some(({ call, pid }) => call === "start" && pid === spawned?.result));
    assert.ok(calls.some(({ call, pid }) => call === "fork" && pid === spawned?.pid));
    const canonical = calls.filter(({ call }) => call === "realpath");
    assert.deepEqual(
      canonical.map(({ operands, result, besides }) => [tracedPath(operands)?.toString(), result, besides]),
      [["src/file6", 0, ["entry"]]],
    );
  });

  test("paths of any bytes come back", async () => {
    const name = Buffer.from([0x61, 0x22, 0x5c, 0x0a, 0xff, 0xc3, 0xbc, 0x09]);
    const octal = [...name].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
    const calls = await traced(`cat "$(printf '${octal}x')" 2>/dev/null; true`);
    const expected = Buffer.concat([name, Buffer.from("x")]);
    assert.ok(calls.some(({ operands }) => tracedPath(operands)?.equals(expected)));
  });

  test("lines of many programs and threads at once are whole", async () => {
    const calls = await traced(
      `for n in 1 2 3 4 5 6; do (for m in 1 2 3 4 5 6 7 8 9 10; do cat src/file$m >/dev/null; done) & done; wait`,
    );
    const opened = calls.filter(({ call, operands }) => call === "openat" && /src\/file\d+"$/.test(operands));
    assert.equal(opened.length, 60);
  });

  test("never fails a program: a full disk, a limit, closed descriptors, a removed file", async () => {
    assert.equal(
      (
        await home.bash(
          `ulimit -f 1; VRIFT_TRACE=../limited "${launcherPath}" run -- sh -c 'for n in 10 11 12 13 14 15 16 17 18; do cat src/file$n; done' | wc -l`,
          { cwd },
        )
      ).stdout.trim(),
      "9",
    );
    assert.ok(statSync(join(home.work, "limited")).size <= 1024);
    const { stdout, stderr, code } = await home.vrift(
      ["run", "--", "sh", "-c", `cat src/file8; rm ../gone; cat src/file9; exec 3>&- 4>&-; cat src/file8`],
      { cwd, env: { VRIFT_TRACE: "../gone" } },
    );
    assert.deepEqual([stdout, stderr, code], ["content of 8\ncontent of 9\ncontent of 8\n", "", 0]);
    assert.ok(!existsSync(join(home.work, "gone")), "nobody makes it again");
  });

  test("a file that cannot be written is told once, and COMMAND runs", async () => {
    for (const file of ["/nowhere/trace", home.work, "/dev/null"]) {
      const { stdout, stderr, code } = await home.vrift(["run", "--", "cat", "src/file8"], {
        cwd,
        env: { VRIFT_TRACE: file },
      });
      assert.deepEqual([stdout, code], ["content of 8\n", 0]);
      assert.match(
        stderr,
        new RegExp(
          `^vrift: VRIFT_TRACE: ${file} is no file that can be written: .*; the run is not traced\\n$`,
        ),
      );
    }
  });

  test("is not lost with the environment, and descriptors are the program's alone", async () => {
    const calls = await traced(
      `env -i /bin/cat src/file8 >/dev/null; exec 3</dev/null; ls -l /proc/self/fd | grep -c trace; true`,
    );
    assert.ok(calls.some(({ operands, call }) => call === "openat" && operands.endsWith('"src/file8"')));
  });

  test("without it and --stats, programs get the other library", async () => {
    const { stdout } = await home.vrift(["run", "--", "sh", "-c", "echo $LD_PRELOAD"], { cwd });
    assert.match(stdout, /\/native\/libvrift_inception\.so$/m);
    const observed = await home.vrift(["run", "--stats", "--", "sh", "-c", "echo $LD_PRELOAD"], { cwd });
    assert.match(observed.stdout, /\/native\/observed\/libvrift_inception\.so$/m);
  });
});

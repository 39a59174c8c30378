import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { launcherPath, TestHome } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());

/** The script's output must be the same with `vrift run --` before the command as without. */
async function assertUntouched(script: string): Promise<string> {
  const plain = await home.bash(script.replaceAll(/RUN|LAUNCH/g, ""));
  // An option takes the long way over Node also when a daemon could be asked.
  for (const options of ["", "--root ."]) {
    const run = await home.bash(
      script
        .replaceAll("RUN", `"$VRIFT" run ${options} --`)
        .replaceAll("LAUNCH", `"${launcherPath}" run ${options} --`),
    );
    assert.equal(run.stdout, plain.stdout);
    assert.equal(run.code, plain.code);
  }
  return plain.stdout;
}

describe("what the caller handed down", () => {
  test("descriptors 3 to 15 stay open and no other is added", async () => {
    const open = Array.from({ length: 13 }, (_, i) => `${i + 3}</etc/passwd`).join(" ");
    const listed = await assertUntouched(
      `exec ${open}; RUN sh -c 'ls -l /proc/self/fd | sed "s/.* \\([0-9]* -> \\/etc\\)/\\1/" | grep etc'`,
    );
    assert.equal(listed.trim().split("\n").length, 13);
    await assertUntouched(`RUN sh -c 'ls /proc/self/fd | wc -l'`);
  });

  test("closed standard descriptors stay closed", async () => {
    await assertUntouched(`RUN sh -c 'ls /proc/$$/fd' <&-`);
    await assertUntouched(`exec 5>&1; RUN sh -c 'ls /proc/$$/fd >&5' >&- 2>/dev/null`);
    await assertUntouched(`RUN sh -c 'ls /proc/$$/fd' 2>&-`);
  });

  test("a lock taken on 9 outlives the program that took it, and ends with the shell", async () => {
    const { stdout } = await home.bash(`
      ( "$VRIFT" run -- flock 9; flock -n lock true && echo free || echo held ) 9>lock
      flock -n lock true && echo free || echo held`);
    assert.equal(stdout, "held\nfree\n");
  });

  test("no process that run leaves behind holds an inherited descriptor", async () => {
    const { stdout } = await home.bash(`
      "$VRIFT" run -- true 9>lock
      flock -n lock true && echo free || echo held`);
    assert.equal(stdout, "free\n");
  });

  test("make's jobserver is used", async () => {
    const { stdout, stderr, code } = await home.bash(`
      printf 'all:\\n\\t+@"$$VRIFT" run -- $(MAKE) -f inner.mk\\n' > outer.mk
      printf 'all: a b c\\na b c:\\n\\t@echo $@ $(MAKEFLAGS) | tr " " "\\\\n" | grep -c jobserver\\n' > inner.mk
      make -j2 -f outer.mk`);
    assert.equal(code, 0, stderr);
    assert.equal(stdout.match(/^1$/gm)?.length, 3, stdout);
    assert.doesNotMatch(stderr, /jobserver unavailable|warning/);
  });

  test("limits are as they were", async () => {
    await assertUntouched(`ulimit -S -n 300; ulimit -c 0; RUN bash -c 'ulimit -a -S; ulimit -a -H'`);
  });

  test("signal mask and dispositions are as they were", async () => {
    const signals = `RUN grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status`;
    await assertUntouched(signals);
    await assertUntouched(`trap '' INT HUP PIPE USR1; ${signals}`);
    // dash handles SIGCHLD itself, so an ignored one cannot pass through the sh part; the C part keeps it.
    await assertUntouched(`trap '' CHLD; ${signals.replace("RUN", "LAUNCH")}`);
  });

  test("umask, working directory, priority, process group and parent", async () => {
    await assertUntouched(`umask 027; mkdir -p sub; cd sub; RUN sh -c 'umask; pwd'`);
    await assertUntouched(`nice -n 3 RUN nice`);
    const { stdout } = await home.bash(
      `"$VRIFT" run -- sh -c 'echo $PPID; ps -o pgid= -p $$ 2>/dev/null || cut -d" " -f5 /proc/$$/stat'; echo $$; cut -d" " -f5 /proc/$$/stat`,
    );
    const [parent, group, shell, shellGroup] = stdout.split("\n").map((line) => line.trim());
    assert.equal(parent, shell);
    assert.equal(group, shellGroup);
  });

  test("the process id is the launcher's, and it has no children it did not start", async () => {
    const { stdout } = await home.bash(`
      "$VRIFT" run -- sh -c 'echo $$; cat /proc/$$/task/$$/children; echo' & 
      echo $!; wait`);
    const lines = stdout.split("\n").map((line) => line.trim());
    assert.equal(lines[0], lines[1]);
    // Only `cat` itself.
    assert.match(lines[2] ?? "", /^\d+$/);
  });

  // The loader needs one descriptor; the pipe to the prepare step needs two.
  test("with too few descriptors left the command still runs", async () => {
    const { stdout, code } = await home.bash(
      `ulimit -n 7; exec 3</dev/null 4</dev/null 5</dev/null; exec "${launcherPath}" run -- sh -c 'echo ran'`,
    );
    assert.equal(stdout, "ran\n");
    assert.equal(code, 0);
  });
});

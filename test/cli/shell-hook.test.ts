/** `vrift shell-hook` in real shells, as they are when somebody sits before them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { shellHook } from "../../src/cli/shell-hooks.js";
import type { Shell } from "../../src/cli/shell-hooks.js";
import { resolveHome, workspacePaths } from "../../src/platform/paths.js";
import { solidId } from "../../src/platform/workspace-id.js";
import { TestHome, launcherPath } from "./vrift-process.js";
import type { Finished } from "./vrift-process.js";

/** As it is in an interactive shell without anybody's settings, and how it says some things. */
interface Dialect {
  readonly arguments: readonly string[];
  readonly load: (file: string) => string;
  readonly exported: (name: string, value: string) => string;
  readonly own: (name: string, value: string) => string;
  readonly strict: string;
}

const posix: Omit<Dialect, "arguments"> = {
  load: (file) => `. '${file}'`,
  exported: (name, value) => `export ${name}='${value}'`,
  own: (name, value) => `${name}='${value}'`,
  strict: "set -eu",
};
const dialects: Readonly<Record<Shell, Dialect>> = {
  bash: { ...posix, arguments: ["--norc", "--noprofile", "-i"] },
  zsh: { ...posix, arguments: ["-f", "-i"] },
  fish: {
    arguments: ["--no-config", "-i"],
    load: (file) => `source '${file}'`,
    exported: (name, value) => `set -gx ${name} '${value}'`,
    own: (name, value) => `set -g ${name} '${value}'`,
    strict: "",
  },
};

let home: TestHome;
let outer: string;
let inner: string;
let phantom: string;

before(async () => {
  home = new TestHome();
  outer = join(home.work, "outer 'project'");
  inner = join(outer, "lib/in ner");
  phantom = join(home.work, "phantom");
  mkdirSync(inner, { recursive: true });
  mkdirSync(phantom);
  writeFileSync(join(phantom, "file"), "virtual\n");
  for (const args of [
    ["phantom", phantom],
    ["run", "--root", outer, "--", "true"],
    ["run", "--root", inner, "--", "true"],
  ])
    assert.equal((await home.vrift(args)).code, 0);
});
after(() => home.remove());

const quoted = (path: string): string => `"${path}"`;
const indexOf = (root: string): string =>
  workspacePaths(resolveHome({ VRIFT_HOME: join(home.home, ".vrift") }), solidId(root)).index;

/** `env` of a program that the shell starts, in a file. */
const probe = (name: string): string => `env > '${join(home.directory, name)}'`;

function probed(name: string): Readonly<Record<string, string>> {
  const lines = readFileSync(join(home.directory, name), "utf8").trimEnd().split("\n");
  const all = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  const names = ["LD_PRELOAD", "VRIFT_INDEX", "VRIFT_RUN", "UV_USE_IO_URING"];
  return Object.fromEntries(names.flatMap((each) => (all[each] === undefined ? [] : [[each, all[each]]])));
}

/** fish reads no commands from a socket, which is what Node gives its children. */
function at(shell: Shell, args: readonly string[], input: string): Promise<Finished> {
  const lines = join(home.directory, "lines");
  writeFileSync(lines, input);
  const script = 'lines=$1; shift; cat "$lines" | "$@"';
  return home.execute("bash", ["-c", script, "bash", lines, shell, ...args], { cwd: "/" });
}

/** Lines typed at a shell that has the hook, twice. */
async function typed(shell: Shell, lines: readonly string[], launcher = launcherPath): Promise<string> {
  const { arguments: args, load } = dialects[shell];
  const hook = join(home.directory, "hook");
  writeFileSync(hook, shellHook(shell, launcher));
  const input = `${[load(hook), load(hook), ...lines].join("\n")}\n`;
  const { code, stderr, stdout } = await at(shell, args, input);
  assert.equal(code, 0, stderr);
  return stdout;
}

for (const shell of ["bash", "zsh", "fish"] as const) {
  const { exported, own, strict } = dialects[shell];
  const absent = spawnSync(shell, ["-c", "true"]).error !== undefined;
  test(`the hook of ${shell}`, { skip: absent && `${shell} is absent` }, async (t) => {
    await t.test(
      "what the user has is put back on leaving, nested projects each have their own",
      async () => {
        const library = join(launcherPath, "../libvrift_inception.so");
        await typed(shell, [
          strict,
          exported("LD_PRELOAD", "libm.so.6"),
          own("VRIFT_RUN", "mine"),
          own("UV_USE_IO_URING", "1"),
          probe("before"),
          `cd ${quoted(outer)}`,
          probe("outer"),
          `pushd ${quoted(inner)} > /dev/null`,
          probe("inner"),
          "popd > /dev/null",
          probe("outer-again"),
          "cd lib",
          probe("below"),
          `cd ${quoted(home.work)}`,
          probe("after"),
          `echo "$VRIFT_RUN $UV_USE_IO_URING" > '${join(home.directory, "own")}'`,
        ]);
        const before = { LD_PRELOAD: "libm.so.6" };
        assert.deepEqual(probed("before"), before);
        for (const [name, root] of [
          ["outer", outer],
          ["inner", inner],
          ["outer-again", outer],
          ["below", outer],
        ] as const) {
          const { VRIFT_RUN: run, ...rest } = probed(name);
          assert.deepEqual(rest, { LD_PRELOAD: `${library}:libm.so.6`, VRIFT_INDEX: indexOf(root) }, name);
          assert.match(run ?? "", /^[0-9a-f]{16}$/);
        }
        assert.deepEqual(probed("after"), before);
        assert.equal(readFileSync(join(home.directory, "own"), "utf8"), "mine 1\n");
      },
    );

    await t.test("what the user has set meanwhile is left alone, and a subshell leaks nothing", async () => {
      await typed(shell, [
        `cd ${quoted(outer)}`,
        exported("LD_PRELOAD", "libm.so.6"),
        `${shell} -c 'cd /'`,
        ...(shell === "fish" ? [] : ["(cd /)"]),
        probe("inside"),
        "cd /",
        probe("after"),
      ]);
      assert.equal(probed("inside")["VRIFT_INDEX"], indexOf(outer));
      assert.deepEqual(probed("after"), { LD_PRELOAD: "libm.so.6" });
    });

    await t.test("programs see a phantom tree, and outside of it they do not", async () => {
      const seen = await typed(shell, [
        `cd ${quoted(phantom)}`,
        "cat file",
        "cd /",
        `cat '${join(phantom, "file")}' 2>&1 || true`,
      ]);
      assert.match(seen, /virtual\n/);
      assert.match(seen, /No such file/);
    });

    await t.test("at a prompt in an open project nothing is started", async () => {
      const calls = join(home.directory, `calls of ${shell}`);
      const socket = join(home.directory, `socket-${shell}`);
      const launcher = join(home.directory, "it's a launcher");
      writeFileSync(
        launcher,
        `#!/bin/sh\necho call >> '${calls}'\nprintf '%s\\n' / '${socket}' libm.so.6 /index 1\n`,
      );
      chmodSync(launcher, 0o755);
      const server = createServer().listen(socket);
      const lines = Array.from({ length: 20 }, () => "true");
      await typed(shell, [`cd ${quoted(home.work)}`, ...lines], launcher);
      server.close();
      const count = readFileSync(calls, "utf8").split("\n").length - 1;
      assert.ok(count <= 3, `${count} calls`);
    });
  });
}

test("bash: what others have in PROMPT_COMMAND runs as before, with the last command's status", async () => {
  for (const set of ["PROMPT_COMMAND='seen=$?;'", "PROMPT_COMMAND=('true' 'seen=$?')", ""]) {
    const hook = join(home.directory, "hook");
    writeFileSync(hook, shellHook("bash", launcherPath));
    const input = `${set}\n. '${hook}'\n. '${hook}'\ncd ${quoted(outer)}\n(exit 3)\necho "status $? \${seen-none}"\nset -eu\n! true\n${probe("inside")}\necho end\n`;
    const { stdout, code } = await at("bash", dialects.bash.arguments, input);
    assert.equal(code, 0);
    assert.equal(stdout, `status 3 ${set === "" ? "none" : "3"}\nend\n`);
    assert.equal(probed("inside")["VRIFT_INDEX"], indexOf(outer));
  }
});

test("shell-hook prints it, and refuses shells that it does not know", async () => {
  assert.equal((await home.vrift(["shell-hook", "bash"])).stdout, shellHook("bash", launcherPath));
  const { code, stderr } = await home.vrift(["shell-hook", "csh"]);
  assert.equal(code, 2);
  assert.match(stderr, /^vrift: VRIFT_USAGE: shell-hook knows bash, zsh, fish, not "csh"/);
});

test("a project that is not open is opened, with a daemon where none runs, and nobody waits for it", async () => {
  await home.vrift(["daemon", "stop"]);
  const id = /^id (\w+)/.exec(readFileSync(join(phantom, ".vrift/workspace"), "latin1"))?.[1] ?? "";
  const { socket } = workspacePaths(resolveHome({ VRIFT_HOME: join(home.home, ".vrift") }), id);
  assert.equal(existsSync(socket), false);
  assert.match(await typed("bash", [`cd ${quoted(phantom)}`, "cat file"]), /virtual\n/);
  while (!existsSync(socket)) await wait(10);
});

import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launcherPath, TestHome } from "./vrift-process.js";

/** A `node` that tells that the long way was taken. */
const LONG_WAY = "long way\n";

describe("asking a running daemon", () => {
  const home = new TestHome();
  after(() => home.remove());
  const env = { PATH: `${join(home.work, "bin")}:${home.env["PATH"] ?? ""}` };

  before(async () => {
    mkdirSync(join(home.work, "bin"));
    writeFileSync(join(home.work, "bin/node"), `#!/bin/sh\necho "${LONG_WAY.trim()}" >&2\n`, { mode: 0o755 });
    mkdirSync(join(home.work, "project/.git"), { recursive: true });
    mkdirSync(join(home.work, "project/a/b"), { recursive: true });
    assert.equal((await home.vrift(["daemon", "start"])).code, 0);
  });

  test("is all that a run does: Node is not started", async () => {
    for (const args of [
      ["printenv", "VRIFT_INDEX"],
      ["--", "printenv", "VRIFT_INDEX"],
    ]) {
      const { stdout, stderr } = await home.vrift(["run", ...args], { env });
      assert.equal(stderr, "");
      assert.match(stdout, /\/run\/[0-9a-f]{32}\/index\n$/);
    }
  });

  test("finds the same workspace as the long way", async () => {
    for (const directory of ["project", "project/a/b", "bin"]) {
      const cwd = join(home.work, directory);
      const short = await home.vrift(["run", "printenv", "VRIFT_INDEX"], { cwd, env });
      const long = await home.execute(
        "node",
        [launcherPath.replace(/build.*/, "dist/src/cli/main.js"), "run-prepare", "true"],
        { cwd },
      );
      assert.ok(long.stdout.includes(`\0index=${short.stdout.trim()}\0`), long.stdout);
    }
  });

  test("options, a refused root, an odd directory name and another build take the long way", async () => {
    mkdirSync(join(home.work, "ü"));
    for (const [args, options] of [
      [["run", "--root", ".", "true"], {}],
      [["run", "true"], { cwd: "/" }],
      [["run", "true"], { cwd: join(home.work, "ü") }],
      [["run", "true"], { env: { VRIFT_HOME: "relative" } }],
      [["run", "true"], { env: { VRIFT_HOME: `/tmp/${"x".repeat(80)}` } }],
    ] as const) {
      const { stderr } = await home.vrift(args, {
        ...options,
        env: { ...env, ...("env" in options ? options.env : {}) },
      });
      assert.ok(stderr.startsWith(LONG_WAY), `${args.join(" ")} ${JSON.stringify(options)}: ${stderr}`);
    }
  });
});

describe("asking a daemon that does not answer as it should", () => {
  const home = new TestHome();
  let server: Server;
  let answer: (socket: Socket) => void = () => undefined;

  before(() => {
    mkdirSync(join(home.home, ".vrift/sockets"), { recursive: true, mode: 0o700 });
    writeFileSync(join(home.work, "node"), `#!/bin/sh\necho "${LONG_WAY.trim()}" >&2\n`, { mode: 0o755 });
    server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => answer(socket));
    });
    return new Promise<void>((resolve) =>
      server.listen(join(home.home, ".vrift/sockets/control.sock"), resolve),
    );
  });
  after(async () => {
    await new Promise((resolve) => server.close(resolve));
    await home.remove();
  });

  for (const [what, reply] of [
    ["an error", '{"ok":false,"code":"EIO","message":"no"}\n'],
    ["no JSON", "hello\n"],
    ["an escape in the path", '{"ok":true,"index":"/a\\"b","kind":"solid"}\n'],
    ["an unknown kind", '{"ok":true,"index":"/a","kind":"gas"}\n'],
    ["more than it was asked", '{"ok":true,"index":"/a","kind":"solid","x":1}\n'],
    ["half a line, then the end", '{"ok":true,"index":"/a"'],
    ["a line without end", "x".repeat(20_000)],
    ["nothing for longer than is waited", undefined],
  ] as const) {
    test(`${what}: the long way is taken, and the command runs`, async () => {
      answer = (socket) => {
        if (reply !== undefined) socket.end(reply);
      };
      const env = { PATH: `${home.work}:${home.env["PATH"] ?? ""}` };
      const { stdout, stderr, code } = await home.execute(
        launcherPath,
        ["run", "sh", "-c", "echo ran; exit 6"],
        { env },
      );
      assert.ok(stderr.startsWith(LONG_WAY), stderr);
      assert.deepEqual({ stdout, code }, { stdout: "ran\n", code: 6 });
    });
  }

  test("a proper answer in pieces is understood", async () => {
    answer = (socket) => {
      socket.write('{"ok":true,"index":"/no/such/index","ki');
      setTimeout(() => socket.end('nd":"solid"}\n'), 50);
    };
    const { stdout, stderr } = await home.execute(launcherPath, ["run", "printenv", "VRIFT_INDEX"], {});
    assert.deepEqual({ stdout, stderr }, { stdout: "/no/such/index\n", stderr: "" });
  });
});

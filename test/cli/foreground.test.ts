/** `vrift daemon start --foreground`, and what stays beside the daemon (native/foreground). */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { exitCode } from "../daemon-fixture.js";
import { TestHome, projectRoot, vriftPath } from "./vrift-process.js";

const foreground = join(projectRoot, "build/native/vrift-foreground");

let home: TestHome;
const children: ChildProcess[] = [];

beforeEach(() => {
  home = new TestHome();
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGTERM");
    await exitCode(child);
  }
  await home.remove();
});

/** What a stream says, line by line; each line is given once. */
class Lines {
  readonly #lines: string[] = [];
  #wake = (): void => undefined;

  constructor(stream: Readable) {
    createInterface({ input: stream }).on("line", (text) => {
      this.#lines.push(text);
      this.#wake();
    });
  }

  /** The next one like that; those before it are dropped. */
  async next(pattern = /^/): Promise<string> {
    for (;;) {
      for (let text = this.#lines.shift(); text !== undefined; text = this.#lines.shift())
        if (pattern.test(text)) return text;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

function start(command: string, args: readonly string[]): { child: ChildProcess; out: Lines; err: Lines } {
  const child = spawn(command, args, { env: home.env, cwd: home.work, stdio: "pipe" });
  children.push(child);
  return { child, out: new Lines(child.stdout), err: new Lines(child.stderr) };
}

async function pid(): Promise<number> {
  return (JSON.parse((await home.vrift(["daemon", "status", "--json"])).stdout) as { pid: number }).pid;
}

const begin = (): ReturnType<typeof start> => start(vriftPath, ["daemon", "start", "--foreground"]);

test("it serves, logs on standard error, and ends in order", async () => {
  const { child, err } = begin();
  await err.next(/ info started /);
  const first = await pid();
  assert.notEqual(first, child.pid);
  assert.equal((await home.vrift(["run", "true"])).code, 0);
  child.kill("SIGTERM");
  await err.next(/ info stopping/);
  assert.equal(await exitCode(child), 0);
  assert.equal((await home.vrift(["daemon", "status"])).code, 1);
  assert.match((await home.vrift(["daemon", "logs"])).stdout, / info stopped\n$/);
});

test("it goes with the daemon to its successor, whose log is there, too", async () => {
  const { child, err } = begin();
  await err.next(/ info started /);
  const first = await pid();
  assert.equal((await home.vrift(["daemon", "restart"])).code, 0);
  await err.next(/ info started /);
  const second = await pid();
  assert.notEqual(second, first);
  while (existsSync(`/proc/${first}`)) await wait(5);
  assert.equal(child.exitCode, null);
  child.kill("SIGTERM");
  assert.equal(await exitCode(child), 0);
  assert.equal(existsSync(`/proc/${second}`), false);
});

test("`daemon stop` ends it; a killed daemon shows in the exit status", async () => {
  const first = begin();
  await first.err.next(/ info started /);
  assert.equal((await home.vrift(["daemon", "stop"])).code, 0);
  assert.equal(await exitCode(first.child), 0);
  const second = begin();
  await second.err.next(/ info started /);
  process.kill(await pid(), "SIGKILL");
  assert.equal(await exitCode(second.child), 137);
});

test("beside a daemon that serves the home it is an error", async () => {
  await home.vrift(["daemon", "start"]);
  const running = await pid();
  const { code, stderr } = await home.vrift(["daemon", "start", "--foreground"]);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`^vrift: EBUSY: the daemon of .* runs already, process ${running}\n`));
});

test("what becomes its child is reaped, signals are passed on, and the exit status is the command's", async () => {
  const script =
    'sh -c "sleep 0.1 & echo \\$!"; trap "echo heard; exit 7" TERM; while :; do sleep 0.05; done';
  const { child, out } = start(foreground, ["bash", "-c", script]);
  const orphan = Number(await out.next());
  while (existsSync(`/proc/${orphan}`)) await wait(5);
  child.kill("SIGTERM");
  assert.equal(await out.next(), "heard");
  assert.equal(await exitCode(child), 7);
  assert.equal(await exitCode(start(foreground, ["/nonexistent"]).child), 127);
});

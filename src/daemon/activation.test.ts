/** vriftd started with its sockets, by a small activator that does as systemd does (native/test/activator.c). */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, before, beforeEach, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { DaemonFixture, exitCode } from "../../test/daemon-fixture.js";
import { projectOwners } from "../../test/end-projects.js";
import { madeFolder, makeNative } from "../../test/make-native.js";
import { processState } from "../platform/process-state.js";
import { ownerOf } from "../workspace/owner-lock.js";
import { ensureDaemon, stopDaemon } from "./start.js";

const main = fileURLToPath(new URL("./main.js", import.meta.url));
const activatorPath = join(madeFolder, "activator");

let t: DaemonFixture;
const activators: Activator[] = [];

before(() => assert.equal(makeNative(["../build/native/activator"]), undefined));

beforeEach(() => {
  t = new DaemonFixture();
});

afterEach(async () => {
  for (const one of activators.splice(0)) await one.end();
  await t.close();
});

/** What it says, line by line. */
class Activator {
  readonly child: ChildProcess;
  errors = "";
  readonly #lines: string[] = [];
  readonly #waiting: (() => void)[] = [];

  constructor(sockets: readonly string[], stderr: "inherit" | "pipe" = "inherit") {
    for (const path of sockets) mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const program = [process.execPath, main];
    const args = [join(t.directory, "notify"), ...sockets, "--", ...program];
    this.child = spawn(activatorPath, args, { env: t.env, stdio: ["pipe", "pipe", stderr] });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.errors += text));
    createInterface({ input: this.child.stdout! }).on("line", (line) => {
      this.#lines.push(line);
      for (const wake of this.#waiting.splice(0)) wake();
    });
    activators.push(this);
  }

  /** The next line that begins so; lines before it are dropped. */
  async says(beginning: string): Promise<string> {
    for (;;) {
      for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift())
        if (line.startsWith(beginning)) return line.slice(beginning.length);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async end(): Promise<void> {
    this.child.stdin!.end();
    await exitCode(this.child);
  }
}

async function activator(): Promise<Activator> {
  const started = new Activator([t.home.daemonSocket, t.home.controlSocket]);
  await started.says("listening");
  return started;
}

async function statusPid(): Promise<number> {
  const control = await t.control();
  const { pid } = await control.call("status", {});
  control.close();
  return pid;
}

test("who connects starts it, and is answered; it has nothing of how it was started in its environment", async () => {
  const systemd = await activator();
  assert.equal(ownerOf(t.home.daemonLock), undefined);
  const pid = await statusPid();
  assert.equal(Number(await systemd.says("started ")), pid);
  await systemd.says("READY=1");
  assert.equal(ownerOf(t.home.daemonLock), pid);
  assert.match(await t.client().status(), /^ready/);
  await t.client().register(t.root);
  const [project] = projectOwners(t.home.root);
  const environment = readFileSync(`/proc/${project}/environ`, "latin1");
  assert.doesNotMatch(environment, /LISTEN_|NOTIFY_SOCKET/);
});

test("a stopped one leaves the sockets to who listens, and the next client starts another", async () => {
  const systemd = await activator();
  const control = await t.control();
  const { pid } = await control.call("status", {});
  await stopDaemon(control, pid);
  await systemd.says("STOPPING=1");
  assert.equal(Number(await systemd.says("ended ")), pid);
  assert.ok(existsSync(t.home.controlSocket) && existsSync(t.home.daemonSocket));
  const again = await ensureDaemon(t.home, { env: t.env });
  const next = (await again.call("status", {})).pid;
  again.close();
  assert.equal(Number(await systemd.says("started ")), next);
  assert.notEqual(next, pid);
});

test("killed: the next client starts another with the same sockets", async () => {
  const systemd = await activator();
  const pid = await statusPid();
  process.kill(pid, "SIGKILL");
  assert.equal(Number(await systemd.says("ended ")), pid);
  assert.notEqual(await statusPid(), pid);
});

test("handed over, it is the successor that counts, and its end, too, leaves the sockets", async () => {
  const systemd = await activator();
  const control = await t.control();
  const { pid } = await control.call("status", {});
  const { pid: successor } = await control.call("restart", {});
  control.close();
  assert.equal(Number(await systemd.says("MAINPID=")), successor);
  assert.equal(await statusPid(), successor);
  while (processState(pid) !== undefined) await wait(5);
  const second = await t.control();
  const { pid: third } = await second.call("restart", {});
  assert.equal(Number(await systemd.says("MAINPID=")), third);
  second.close();
  const last = await t.control();
  await stopDaemon(last, third);
  assert.equal(Number(await systemd.says("ended ")), third);
  assert.ok(existsSync(t.home.controlSocket));
  assert.notEqual(await statusPid(), third);
});

test("one that ran before, whose names were taken, is asked to end, and gives the lock up", async () => {
  const before = await t.start();
  const systemd = await activator();
  const pid = await statusPid();
  assert.notEqual(pid, before.pid);
  assert.equal(await exitCode(before), 0);
  assert.equal(Number(await systemd.says("started ")), pid);
  assert.equal(ownerOf(t.home.daemonLock), pid);
  assert.ok(
    existsSync(t.home.controlSocket),
    "the end of the one before has not taken the new socket's name",
  );
});

test("one that is started beside it finds it, and leaves it alone", async () => {
  await activator();
  const pid = await statusPid();
  assert.equal(await exitCode(t.spawn()), 0);
  assert.equal(await statusPid(), pid);
});

test("sockets of other places are refused, and variables that are meant for another process change nothing", async () => {
  const path = join(t.directory, "other.sock");
  const systemd = new Activator([path], "pipe");
  await systemd.says("listening");
  const client = connect({ path });
  client.on("error", () => undefined);
  await systemd.says("ended ");
  client.destroy();
  await systemd.end();
  assert.match(
    systemd.errors,
    /^vriftd: EINVAL: the socket .*other.sock that was passed is none of the home's: /,
  );
  const other = spawn(process.execPath, [main], {
    env: { ...t.env, LISTEN_PID: "1", LISTEN_FDS: "2" },
    stdio: "ignore",
  });
  assert.equal(await statusPid(), other.pid);
});

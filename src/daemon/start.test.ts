/** What commands do to have a daemon. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { DaemonFixture } from "../../test/daemon-fixture.js";
import { ownerOf, takeOwnerLock } from "../workspace/owner-lock.js";
import { processState } from "../platform/process-state.js";
import { ensureDaemon, isUsed, stopDaemon } from "./start.js";

let t: DaemonFixture;

beforeEach(() => {
  t = new DaemonFixture();
});

/** Also of a test that fails. */
const ending: (() => void)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0)) end();
  await t.close();
});

test("many commands at once end with the same daemon, which is nobody's child", async () => {
  const clients = await Promise.all(Array.from({ length: 6 }, () => ensureDaemon(t.home, { env: t.env })));
  const pids = await Promise.all(clients.map(async (client) => (await client.call("status", {})).pid));
  assert.equal(new Set(pids).size, 1);
  const stat = readFileSync(`/proc/${pids[0]}/stat`, "latin1").split(") ")[1]!.split(" ");
  assert.equal(stat[3], String(pids[0]), "a session of its own");
  await stopDaemon(clients[0]!, pids[0]!);
  assert.equal(processState(pids[0]!), undefined);
  for (const client of clients) client.close();
});

test("one that cannot start: VRIFT_NO_DAEMON with what its log says last", async () => {
  mkdirSync(t.home.root, { recursive: true });
  writeFileSync(t.home.configFile, "nonsense = 1\n");
  await assert.rejects(ensureDaemon(t.home, { env: t.env }), {
    code: "VRIFT_NO_DAEMON",
    message: /VRIFT_CONFIG: .*config\.toml:1: unknown key `nonsense`/,
  });
});

test("one that ends with the connection it has just taken is not the one that is needed", async () => {
  mkdirSync(dirname(t.home.controlSocket), { recursive: true, mode: 0o700 });
  const ending = createServer((socket) => {
    socket.on("error", () => undefined).once("data", () => socket.destroy());
    ending.close();
  });
  ending.listen(t.home.controlSocket);
  await once(ending, "listening");
  const client = await ensureDaemon(t.home, { env: t.env });
  const { pid } = await client.call("status", {});
  assert.notEqual(pid, process.pid);
  await stopDaemon(client, pid);
});

test("a rival that is about to be gone, and accepts yet, is no reason not to start", async () => {
  const lock = takeOwnerLock(t.home.daemonLock)!;
  mkdirSync(dirname(t.home.controlSocket), { recursive: true, mode: 0o700 });
  let met = 0;
  const gone = createServer((socket) => {
    socket.on("error", () => undefined).destroy();
    // Its last thread ends.
    if (++met === 3) lock.release();
  });
  gone.listen(t.home.controlSocket);
  await once(gone, "listening");
  const child = t.spawn();
  while (ownerOf(t.home.daemonLock) !== child.pid) {
    assert.equal(child.exitCode, null);
    await wait(10);
  }
  gone.close();
});

test("one of another build that nobody uses is restarted", async () => {
  await staleDaemon();
  const client = await ensureDaemon(t.home, { env: t.env });
  const { pid } = await client.call("status", {});
  assert.notEqual(pid, GONE);
  await stopDaemon(client, pid);
});

test("one of another build goes on, with a warning, while a program maps an index", async () => {
  const stale = await staleDaemon();
  const run = join(t.home.root, "run", "0".repeat(32));
  mkdirSync(run, { recursive: true });
  writeFileSync(join(run, "index"), Buffer.alloc(4096));
  assert.equal(isUsed(t.home), false);
  const program = await mapping(join(run, "index"));
  assert.equal(isUsed(t.home), true);
  const warnings: string[] = [];
  const client = await ensureDaemon(t.home, { onStale: (warning) => warnings.push(warning.toWire()) });
  assert.match(warnings.join(), /^VRIFT_STALE_DAEMON: .*build another/);
  client.close();
  stale.close();
  program.kill();
  await once(program, "exit");
  assert.equal(isUsed(t.home), false);
});

/** A program that maps the file, as those under the library do, until it is killed. */
async function mapping(path: string): Promise<ChildProcess> {
  const code = `
    import { openSync } from "node:fs";
    const { native } = await import(${JSON.stringify(new URL("../platform/native.js", import.meta.url).href)});
    globalThis.mapped = native.mapShared(openSync(${JSON.stringify(path)}, "r"), 4096, false);
    console.log("mapped");
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  ending.push(() => child.kill());
  await once(child.stdout, "data");
  return child;
}

/** No process: above the largest process id. */
const GONE = 4_194_305;

/** Answers as a daemon of another build, until it is told to stop. */
async function staleDaemon(): Promise<Server> {
  mkdirSync(dirname(t.home.controlSocket), { recursive: true, mode: 0o700 });
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      if (!chunk.includes('"stop"')) socket.write(`{"ok":true,"pid":${GONE},"build":"another"}\n`);
      else {
        socket.end('{"ok":true}\n');
        server.close();
      }
    });
  });
  ending.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(t.home.controlSocket, resolve));
  return server;
}

/** vriftd as a process: its life, its sockets, and what survives its death. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { StdioOptions } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { DaemonFixture, exitCode, killed } from "../../test/daemon-fixture.js";
import { hashToHex } from "../platform/hash.js";
import { workspacePaths } from "../platform/paths.js";
import { openStore } from "../store/content-store.js";
import { IndexReader } from "../vdir/index-reader.js";
import { readWorkspaceFile } from "../workspace/identity.js";
import { removeTree } from "../../test/remove-tree.js";

let t: DaemonFixture;

beforeEach(() => {
  t = new DaemonFixture();
});

afterEach(async () => {
  await t.close();
});

test("starts, answers, keeps everything private, and SIGTERM ends it with nothing left to lose", async () => {
  const child = await t.start();
  const client = t.client();
  assert.match(await client.status(), /^ready\n.*pid \d+/);
  const id = await client.register(t.root);
  assert.match(id, /^[0-9a-f]{32}$/);
  for (const name of ["", "sockets", "run", "log", "db", "the_source", `db/${id}`, `run/${id}`])
    assert.equal(statSync(join(t.home.root, name)).mode & 0o7777, 0o700, name);
  for (const name of [
    "sockets/vriftd.sock",
    "sockets/control.sock",
    "log/vriftd.log",
    `run/${id}/index`,
    `run/${id}/marks`,
  ])
    assert.equal(statSync(join(t.home.root, name)).mode & 0o7777, 0o600, name);
  client.close();
  child.kill("SIGTERM");
  assert.equal(await exitCode(child), 0);
  assert.deepEqual(readdirSync(join(t.home.root, "sockets")), []);
  const log = readFileSync(t.home.daemonLog, "utf8").trimEnd().split("\n");
  assert.match(log[0]!, /^\d{4}-\d\d-\d\dT[\d:.]+Z info started version=/);
  assert.match(log.at(-1)!, /info stopped$/);
});

test("the version-1 export shows the first workspace, follows it, and ends with the daemon", async () => {
  const child = await t.start();
  const client = t.client();
  const id = await client.register(t.root);
  const file = join(t.home.root, "run", id, "vrift-manifest.mmap");
  await until(() => existsSync(file));
  assert.equal(readFileSync(file).toString("latin1", 0, 4), "VMMP");
  assert.equal(readFileSync(file).readUInt32LE(8), 1);
  const directory = { content_hash: new Uint8Array(32), size: 0n, mtime: 1n, mode: 0o755, flags: 1 };
  await client.upsert("a directory", directory);
  await until(() => readFileSync(file).readUInt32LE(8) === 2);
  const other = join(t.directory, "other");
  mkdirSync(other);
  const second = await client.register(other);
  assert.equal(existsSync(join(t.home.root, "run", second, "vrift-manifest.mmap")), false);
  client.close();
  child.kill("SIGTERM");
  assert.equal(await exitCode(child), 0);
  assert.equal(existsSync(file), false);
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, "in time");
    await wait(10);
  }
}

test("SIGTERM answers what has arrived; an idle connection does not hold it up", async () => {
  const child = await t.start();
  const idle = await t.raw();
  const busy = await t.raw();
  for (let i = 0; i < 200; i++) busy.send({ type: "Status" });
  const first = await busy.reply();
  child.kill("SIGTERM");
  assert.equal(first?.type, "StatusAck");
  assert.equal(await idle.reply(), undefined);
  assert.equal(await exitCode(child), 0);
});

test("a peer that does not read holds a stop up for two seconds at most", async () => {
  const child = await t.start();
  const deaf = await t.raw();
  deaf.socket.pause();
  for (let i = 0; i < 20_000; i++) deaf.send({ type: "Status" });
  await wait(300);
  const begin = Date.now();
  child.kill("SIGTERM");
  assert.equal(await exitCode(child), 0);
  assert.ok(Date.now() - begin < 4000, `${Date.now() - begin} ms`);
});

test("a daemon whose home was removed ends by itself", async () => {
  const child = await t.start();
  await t.client().register(t.root);
  removeTree(t.home.root);
  assert.equal(await exitCode(child), 0);
});

test("twenty starters: one daemon, nobody fails", async () => {
  const children = Array.from({ length: 20 }, () => t.spawn());
  const control = await t.control();
  const { pid } = await control.call("status", {});
  const losers = children.filter((child) => child.pid !== pid);
  assert.equal(losers.length, 19);
  for (const child of losers) assert.equal(await exitCode(child), 0);
  assert.equal((await control.call("status", {})).pid, pid);
  const started = readFileSync(t.home.daemonLog, "utf8").match(/ info started /g);
  assert.equal(started?.length, 1);
});

test("the sockets of a killed daemon are replaced; so is a file that has their name", async () => {
  await killed(await t.start());
  assert.ok(existsSync(t.home.daemonSocket));
  rmSync(t.home.controlSocket);
  writeFileSync(t.home.controlSocket, "not a socket");
  await t.start();
  assert.match(await t.client().status(), /^ready/);
});

test("acknowledged survives kill -9, however often", async () => {
  const store = await openStore(t.home.source);
  const lease = store.lease();
  const acknowledged = new Map<string, string>();
  let child = await t.start();
  const control = await t.control();
  await control.call("open", { root: t.root, phantom: true });
  for (let round = 0; round < 4; round++) {
    const client = t.client();
    await client.register(t.root);
    const upserts = [];
    for (let i = 0; i < 50; i++) {
      const key = `d${i % 7}/f${round}-${i}`;
      const { hash, size } = await store.importBytes(Buffer.from(`${key} content`), lease);
      const entry = { content_hash: hash, size, mtime: 1_000_000_000n, mode: 0o644, flags: 0 };
      upserts.push(
        client.upsert(key, entry).then(
          () => acknowledged.set(key, hashToHex(hash)),
          () => undefined,
        ),
      );
    }
    await Promise.race([Promise.all(upserts), Promise.all(upserts.slice(0, 10 + round * 10))]);
    await killed(child);
    await Promise.all(upserts);
    child = await t.start();
    const again = t.client();
    await again.register(t.root);
    for (const [key, hash] of acknowledged)
      assert.equal(hashToHex((await again.get(key))!.content_hash), hash, key);
  }
  assert.ok(acknowledged.size >= 40, `${acknowledged.size} acknowledged`);
  lease.release();
  store.close();
});

test("killed while it opens a workspace: the next one opens it, and programs are told of the new index", async () => {
  for (let d = 0; d < 40; d++) {
    mkdirSync(join(t.root, `d${d}`));
    for (let f = 0; f < 50; f++) writeFileSync(join(t.root, `d${d}/f${f}`), "x");
  }
  let info;
  for (const delay of [0, 5, 20, 60, 200]) {
    const child = await t.start();
    const control = await t.control();
    const opening = control.call("open", { root: t.root }).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, delay));
    await killed(child);
    info = (await opening)?.workspace;
  }
  await t.start();
  const { workspace } = await (await t.control()).call("open", { root: t.root });
  assert.equal(workspace.entries, 1 + 40 + 40 * 50);
  assert.equal(IndexReader.open(workspace.index).header.alive, true);
  assert.equal([...IndexReader.open(workspace.index).entries()].length, workspace.entries);
  if (info !== undefined) assert.equal(info.id, workspace.id);
});

test("a configuration that cannot be read, and a socket path that is too long, are said clearly", async () => {
  mkdirSync(t.home.root, { recursive: true });
  writeFileSync(t.home.configFile, 'log_bytes = "many"\n');
  const broken = t.spawn();
  let text = "";
  broken.stderr!.on("data", (chunk: Buffer) => (text += chunk.toString()));
  assert.equal(await exitCode(broken), 1);
  assert.match(text, /VRIFT_CONFIG: .*config\.toml:1: `log_bytes` must be a whole number/);

  const long = new DaemonFixture({ VRIFT_SOCKET: `/tmp/${"x".repeat(120)}.sock` });
  const child = long.spawn();
  let said = "";
  child.stderr!.on("data", (chunk: Buffer) => (said += chunk.toString()));
  assert.equal(await exitCode(child), 1);
  assert.match(said, /ENAMETOOLONG: .*is over 107 bytes/);
  await long.close();
});

test("a home whose path is too long for a socket address serves from a short, private directory", async () => {
  const deep = new DaemonFixture();
  const root = join(deep.directory, "x".repeat(90));
  const long = new DaemonFixture({ VRIFT_HOME: root });
  assert.ok(!long.home.controlSocket.startsWith(root));
  const child = await long.start();
  assert.match(await long.client().status(), /^ready/);
  const directory = join(long.home.controlSocket, "..");
  assert.equal(statSync(directory).mode & 0o7777, 0o700);
  child.kill("SIGTERM");
  assert.equal(await exitCode(child), 0);
  chmodSync(directory, 0o755);
  const refused = long.spawn();
  assert.equal(await exitCode(refused), 1);
  chmodSync(directory, 0o700);
  await long.close();
  await deep.close();
});

test("descriptors of whoever starts it are not kept", async () => {
  const lock = join(t.directory, "lock");
  writeFileSync(lock, "");
  const fd = openSync(lock, "r");
  const stdio: StdioOptions = Array.from({ length: 31 }, (_, i) => (i === 30 ? fd : "ignore"));
  const child = spawn(process.execPath, [fileURLToPath(new URL("main.js", import.meta.url))], {
    env: t.env,
    stdio,
  });
  closeSync(fd);
  const { pid } = await (await t.control()).call("status", {});
  const targets = readdirSync(`/proc/${pid}/fd`).map((fd) => targetOf(`/proc/${pid}/fd/${fd}`));
  assert.ok(targets.some((target) => target.startsWith("socket:")));
  assert.ok(!targets.includes(lock));
  await killed(child);
});

function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return ""; // closed meanwhile
  }
}

test("VRIFT_SOCKET that names a file, or somebody's socket, is left alone", async () => {
  const path = join(t.directory, "notes");
  const other = new DaemonFixture({ VRIFT_SOCKET: path });
  try {
    writeFileSync(path, "mine");
    assert.notEqual(await exitCode(other.spawn()), 0);
    assert.equal(readFileSync(path, "utf8"), "mine");
    rmSync(path);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const { ino } = lstatSync(path);
    assert.notEqual(await exitCode(other.spawn()), 0);
    assert.equal(lstatSync(path).ino, ino);
    server.close();
    // A daemon's that was killed is replaced.
    await killed(await other.start());
    assert.ok(lstatSync(path).isSocket());
    await other.start();
  } finally {
    await other.close();
  }
});

test("a phantom workspace whose manifest this home does not have is refused, and left as it is", async () => {
  await t.start();
  const control = await t.control();
  const { workspace } = await control.call("open", { root: t.root, phantom: true });
  const whiteout = join(t.root, ".vrift/whiteouts/00");
  const other = new DaemonFixture();
  try {
    await other.start();
    writeFileSync(whiteout, "a");
    const stranger = await other.control();
    const refused = { code: "VRIFT_OTHER_HOME" };
    await assert.rejects(stranger.call("open", { root: t.root }), refused);
    await assert.rejects(stranger.call("solidify", { root: t.root }), refused);
    assert.ok(existsSync(whiteout));
    assert.equal(readWorkspaceFile(t.root)?.id, workspace.id);
    assert.equal(existsSync(workspacePaths(other.home, workspace.id).db), false);
  } finally {
    await other.close();
  }
});

/** One vdir_d for each project: its life, its death, its successors, and that nobody notices. docs/processes.md */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { DaemonFixture, exitCode, killed } from "../../test/daemon-fixture.js";
import { projectOwners } from "../../test/end-projects.js";
import { connect } from "../client/client.js";
import type { VriftClient } from "../client/client.js";
import { connectProjectControl } from "../client/control-client.js";
import { hashBytes } from "../platform/hash.js";
import { workspacePaths } from "../platform/paths.js";
import { openStore } from "../store/content-store.js";
import { ownerOf } from "../workspace/owner-lock.js";
import { processState } from "../platform/process-state.js";

let t: DaemonFixture;

beforeEach(() => {
  t = new DaemonFixture({ VRIFT_IDLE_SECONDS: "600" });
});

afterEach(async () => {
  await t.close();
});

const directory = { content_hash: new Uint8Array(32), size: 0n, mtime: 1n, mode: 0o755, flags: 1 };

async function until<T>(look: () => T | undefined | false, ms = 20_000): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    assert.ok(Date.now() < deadline, "in time");
    await wait(10);
  }
}

function owner(id: string): number | undefined {
  return ownerOf(workspacePaths(t.home, id).lock);
}

test("a project has a process of its own, with a private socket that speaks the specified protocol", async () => {
  await t.start();
  const id = await t.client().register(t.root);
  const { socket, lock, log } = workspacePaths(t.home, id);
  const pid = owner(id);
  assert.equal(processState(pid!)?.name, "vdir_d");
  for (const file of [socket, lock, log]) assert.equal(statSync(file).mode & 0o7777, 0o600, file);
  const direct = connect({ socketPath: socket });
  assert.match(await direct.status(), /^ready\nvdir_d /);
  // Bound from the start; a registration out of habit has one answer.
  await direct.upsert("d", directory);
  assert.equal(await direct.register(t.root), id);
  await assert.rejects(direct.register(t.directory), { code: "EINVAL", message: /this socket serves/ });
  assert.deepEqual(await direct.list(""), [{ name: "d", is_dir: true }]);
  direct.close();
});

test("a killed project process: the next request has another one; reads under way are asked again", async () => {
  await t.start();
  const client = t.client();
  const id = await client.register(t.root);
  await client.upsert("d", directory);
  const first = owner(id)!;
  process.kill(first, "SIGSTOP");
  const read = client.get("d");
  const change = client.upsert("e", directory);
  change.catch(() => undefined);
  await wait(500); // until both are on their way
  process.kill(first, "SIGKILL");
  assert.equal((await read)?.flags, 1);
  await assert.rejects(change, {
    code: "ECONNRESET",
    message: /whether ManifestUpsert was done is not known/,
  });
  assert.equal((await client.get("d"))?.flags, 1);
  assert.notEqual(owner(id), first);
});

test("one that is killed again and again while it starts: who waits for it is answered, others are not disturbed", async () => {
  await t.start();
  const client = t.client();
  const id = await client.register(t.root);
  await client.upsert("d", directory);
  const { lock } = workspacePaths(t.home, id);
  let kills = 0;
  let over = false;
  const killing = (async () => {
    for (let last = 0; !over && kills < 3; await wait(1)) {
      const pid = ownerOf(lock);
      if (pid === undefined || pid === last) continue;
      process.kill(pid, "SIGKILL");
      last = pid;
      kills++;
    }
  })();
  await until(() => kills > 0);
  assert.equal((await client.get("d"))?.flags, 1);
  assert.deepEqual(await client.list(""), [{ name: "d", is_dir: true }]);
  over = true;
  await killing;
  assert.equal(kills, 3);
});

// What it had acknowledged is there, whichever process goes on.
test("of one whose files cannot grow changes are refused; when they can again, it goes on, and nothing is lost", async () => {
  await t.start();
  const client = t.client();
  const id = await client.register(t.root);
  const limit = (bytes: string): void => {
    const now = owner(id);
    if (now !== undefined) spawnSync("prlimit", ["--pid", String(now), `--fsize=${bytes}:`]);
  };
  const names = new Set<string>();
  let refused = 0;
  const fill = async (begin: number): Promise<void> => {
    // Longer than until the next commit.
    for (const until = Date.now() + 2500; Date.now() < until; await wait(20)) {
      const name = `d${begin + names.size + refused}`;
      await client.upsert(name, directory).then(
        () => names.add(name),
        () => refused++,
      );
    }
  };
  await client.upsert("before", directory);
  names.add("before");
  limit("1");
  await fill(0);
  assert.ok(refused > 0);
  assert.equal((await client.get("before"))?.flags, 1);
  limit("unlimited");
  const begin = refused;
  await fill(1000);
  assert.ok(names.size > 20, `${names.size} names, ${refused - begin} refused`);
  process.kill(await until(() => owner(id)), "SIGKILL");
  const listed = new Set((await client.list("")).map(({ name }) => name));
  assert.deepEqual(
    [...names].filter((name) => !listed.has(name)),
    [],
  );
});

test("an index that is cut short or overwritten under vriftd hurts its own project only", async () => {
  const daemon = await t.start();
  const other = join(t.directory, "other");
  mkdirSync(other);
  const bystander = t.client();
  await bystander.register(other);
  await bystander.upsert("b", directory);
  const control = await t.control();
  const { workspace } = await control.call("open", { root: t.root, phantom: true });
  const client = t.client();
  await client.register(t.root);
  await client.upsert("d", directory);
  const { index } = workspace;
  const sizes = [0, 4096 * 3];
  for (let round = 0; round < 5; round++) {
    assert.equal((await client.get("d"))?.flags, 1);
    const bytes = readFileSync(index);
    if (round < sizes.length) truncateSync(index, sizes[round]);
    else {
      const fd = openSync(index, "r+");
      // The header says how to read the rest; without it nothing is read.
      const from = round % 2 === 0 ? 0 : 4096;
      const garbage = Buffer.from(bytes.subarray(from).map((byte, i) => (byte * 31 + i * round) & 255));
      writeSync(fd, garbage, 0, garbage.length, from);
      closeSync(fd);
    }
    // What it says now is not known; that it says it to nobody else is.
    const said = Promise.allSettled(["d", "e", "e/f"].map((path) => client.get(path)));
    assert.equal((await bystander.get("b"))?.flags, 1);
    await said;
    const pid = owner(workspace.id);
    if (pid !== undefined) process.kill(pid, "SIGKILL");
    await until(() => owner(workspace.id) !== pid);
    assert.equal((await bystander.get("b"))?.flags, 1);
    await client.list("");
  }
  assert.deepEqual([daemon.exitCode, daemon.signalCode], [null, null]);
});

test("stopping does not wait until it is time to start a project again", async () => {
  const child = await t.start();
  const client = t.client();
  const id = await client.register(t.root);
  const { lock } = workspacePaths(t.home, id);
  // 0.1 s, 0.2 s … 3.2 s.
  for (let death = 0; death < 6; death++) {
    await client.list("");
    process.kill(ownerOf(lock)!, "SIGKILL");
  }
  await until(() => ownerOf(lock) === undefined);
  const waiting = client.list("");
  waiting.catch(() => undefined);
  await wait(100);
  const begin = Date.now();
  child.kill("SIGTERM");
  await exitCode(child);
  assert.ok(Date.now() - begin < 2500, `${Date.now() - begin} ms`);
});

test("through vriftd, too, what is asked of the store sees what the requests before it have done", async () => {
  await t.close();
  t = new DaemonFixture({ VRIFT_SWEEP_GRACE_SECONDS: "0" });
  await t.start();
  const raw = await t.raw();
  await raw.call({ type: "RegisterWorkspace", project_root: t.root });
  const temporary = join(t.directory, "temporary");
  const store = await openStore(t.home.source);
  for (let round = 0; round < 5; round++) {
    const text = `content ${round}`.repeat(100_000);
    writeFileSync(temporary, text);
    const hash = new Uint8Array(hashBytes(Buffer.from(text)));
    const size = BigInt(text.length);
    const lease = store.lease();
    const orphan = await store.importBytes(Buffer.from(`orphan ${round}`), lease);
    lease.release();
    raw.send({ type: "ManifestReingest", vpath: `f${round}`, temp_path: temporary });
    raw.send({ type: "CasGet", hash });
    raw.send({ type: "CasInsert", hash, size });
    raw.send({ type: "CasSweep", bloom_filter: new Uint8Array(0) });
    raw.send({ type: "CasGet", hash: new Uint8Array(orphan.hash) });
    raw.send({ type: "CasGet", hash });
    assert.equal((await raw.reply())?.type, "ManifestAck");
    assert.deepEqual(await raw.reply(), { type: "CasFound", size });
    assert.deepEqual(await raw.reply(), { type: "CasAck" });
    assert.equal((await raw.reply())?.type, "CasSweepAck");
    assert.deepEqual(await raw.reply(), { type: "CasNotFound" });
    assert.deepEqual(await raw.reply(), { type: "CasFound", size });
  }
  store.close();
});

test("one that dies while somebody is bound to it is started again by itself; other projects do not notice", async () => {
  await t.start();
  const client = t.client();
  const id = await client.register(t.root);
  const other = join(t.directory, "other");
  mkdirSync(other);
  const bystander = t.client();
  const otherId = await bystander.register(other);
  const otherPid = owner(otherId);
  for (let round = 0; round < 3; round++) {
    const pid = owner(id)!;
    process.kill(pid, "SIGKILL");
    await bystander.upsert(`d${round}`, directory);
    await until(() => owner(id) !== undefined && owner(id) !== pid);
  }
  assert.equal(owner(otherId), otherPid);
  assert.equal((await bystander.list("")).length, 3);
  assert.deepEqual(await client.list(""), []);
});

test("a frozen one is replaced, and what it was asked is answered", { timeout: 60_000 }, async () => {
  await t.start();
  const client = t.client();
  const id = await client.register(t.root);
  await client.upsert("d", directory);
  const frozen = owner(id)!;
  process.kill(frozen, "SIGSTOP");
  assert.equal((await client.get("d"))?.flags, 1);
  assert.notEqual(owner(id), frozen);
  assert.equal(processState(frozen), undefined);
  assert.match(readFileSync(t.home.daemonLog, "utf8"), /a frozen process is killed/);
});

test("projects outlive vriftd; the next one adopts them", async () => {
  const first = await t.start();
  const id = await t.client().register(t.root);
  const pid = owner(id)!;
  const direct = connect({ socketPath: workspacePaths(t.home, id).socket });
  await direct.upsert("before", directory);
  await killed(first);
  await direct.upsert("after", directory);
  await t.start();
  const control = await t.control();
  await until(() => readFileSync(t.home.daemonLog, "utf8").includes("started"));
  for (;;) {
    const { workspaces } = await control.call("status", {});
    if (workspaces[0]?.process?.pid === pid) break;
    await wait(10);
  }
  const client = t.client();
  assert.equal(await client.register(t.root), id);
  assert.equal((await client.list("")).length, 2);
  assert.equal(owner(id), pid);
  direct.close();
});

test("stopping vriftd stops the projects; nothing is left running", async () => {
  const child = await t.start();
  const id = await t.client().register(t.root);
  const pid = owner(id)!;
  child.kill("SIGTERM");
  assert.equal(await exitCode(child), 0);
  assert.equal(processState(pid), undefined);
  assert.equal(existsSync(workspacePaths(t.home, id).socket), false);
  assert.match(readFileSync(workspacePaths(t.home, id).log, "utf8"), /info stopped\n$/);
});

test("one that nobody uses ends by itself, and is started again when it is needed", async () => {
  const idle = new DaemonFixture({ VRIFT_IDLE_SECONDS: "1" });
  try {
    await idle.start();
    const client = idle.client();
    const id = await client.register(idle.root);
    const { lock } = workspacePaths(idle.home, id);
    await client.upsert("d", directory);
    const pid = ownerOf(lock)!;
    await wait(1500);
    assert.equal(ownerOf(lock), pid, "not while somebody is connected");
    client.close();
    await until(() => ownerOf(lock) === undefined);
    // The lock is given up first; a moment later vriftd sees that the line has ended.
    const control = await idle.control();
    const shown = async (): Promise<number | undefined> =>
      (await control.call("status", {})).workspaces[0]?.process?.pid;
    for (let i = 0; i < 1000 && (await shown()) === pid; i++) await wait(10);
    assert.equal(await shown(), undefined);
    const again = idle.client();
    assert.equal(await again.register(idle.root), id);
    assert.equal((await again.list("")).length, 1);
  } finally {
    await idle.close();
  }
});

test("one whose project directory was removed or replaced ends; the new directory is another project's business", async () => {
  await t.start();
  const id = await t.client().register(t.root);
  const pid = owner(id)!;
  rmSync(t.root, { recursive: true });
  mkdirSync(t.root);
  const client = t.client();
  assert.equal(await client.register(t.root), id);
  assert.notEqual(owner(id), pid);
});

test("a workspace that cannot be opened says why, at once and again", async () => {
  await t.start();
  const control = await t.control();
  const { workspace } = await control.call("open", { root: t.root, phantom: true });
  await control.call("stop", {});
  await until(() => projectOwners(t.home.root).length === 0);
  const { db } = workspacePaths(t.home, workspace.id);
  writeFileSync(join(db, "data.mdb"), "this is no database".repeat(1000));
  await t.start();
  const again = await t.control();
  for (let attempt = 0; attempt < 3; attempt++)
    await assert.rejects(again.call("open", { root: t.root }), { code: "VRIFT_DAMAGED" });
});

test(
  "restart hands over: not a request fails, on old connections and new ones",
  { timeout: 60_000 },
  async () => {
    await t.start();
    const client = t.client();
    const id = await client.register(t.root);
    let running = true;
    let requests = 0;
    const busy = async (): Promise<void> => {
      while (running) {
        await client.upsert(`d${requests % 10}`, directory);
        await client.list("");
        requests += 2;
      }
    };
    const knocking = async (): Promise<void> => {
      while (running) {
        const visitor = connect({ socketPath: t.home.daemonSocket });
        assert.equal(await visitor.register(t.root), id);
        visitor.close();
        requests++;
      }
    };
    const work = Promise.all([busy(), knocking(), knocking()]);
    const pids = new Set<number>();
    for (let round = 0; round < 3; round++) {
      const control = await t.control();
      const { pid } = await control.call("restart", {});
      control.close();
      pids.add(pid);
      await wait(200);
    }
    running = false;
    await work;
    assert.equal(pids.size, 3);
    assert.ok(requests > 50, `${requests} requests`);
    assert.equal(ownerOf(t.home.daemonLock), [...pids].at(-1));
    // The old ones have gone with their connections; the last one is ours to end.
    client.close();
    const last = await t.control();
    await last.call("stop", {});
    for (const pid of pids) await until(() => processState(pid) === undefined);
  },
);

test(
  "a project is handed over: every connection goes on, not a request fails or is done twice",
  { timeout: 60_000 },
  async () => {
    await t.start();
    const through = t.client();
    const id = await through.register(t.root);
    const { socket, control } = workspacePaths(t.home, id);
    const direct = connect({ socketPath: socket });
    let running = true;
    let requests = 0;
    const busy = async (client: VriftClient, name: string): Promise<void> => {
      for (let i = 0; running; i++) {
        const keys = Array.from({ length: 20 }, (_, k) => `${name}${i}-${k}`);
        const made = await Promise.all(keys.map((key) => client.upsert(key, directory)));
        assert.ok(made.every((entry) => entry?.flags === 1));
        await Promise.all(keys.map((key) => client.remove(key)));
        requests += 40;
      }
    };
    const raw = await t.raw();
    await raw.call({ type: "RegisterWorkspace", project_root: t.root });
    const idle = await t.raw();
    await idle.call({ type: "RegisterWorkspace", project_root: t.root });
    const work = Promise.all([busy(through, "through"), busy(direct, "direct")]);
    const pids = new Set([owner(id)]);
    for (let round = 0; round < 3; round++) {
      await wait(100);
      const line = await connectProjectControl(control);
      await line.call("handOver", {});
      line.close();
      pids.add(owner(id));
      // More than one reply, and the bytes of half a request.
      for (let i = 0; i < 50; i++) raw.send({ type: "ManifestGet", path: "absent" });
      for (let i = 0; i < 50; i++)
        assert.deepEqual(await raw.reply(), { type: "ManifestAck", entry: null }, `reply ${i}`);
    }
    await wait(100);
    running = false;
    await work;
    assert.equal(pids.size, 4);
    assert.ok(requests > 100, `${requests} requests`);
    assert.deepEqual(await idle.call({ type: "ManifestListDir", path: "" }), {
      type: "ManifestListAck",
      entries: [],
    });
    direct.close();
  },
);

test("a hand-over whose successor cannot start changes nothing", async () => {
  await t.start();
  const client = t.client();
  const id = await client.register(t.root);
  const pid = owner(id);
  mkdirSync(t.home.root, { recursive: true });
  writeFileSync(t.home.configFile, "nonsense = 1\n");
  const line = await connectProjectControl(workspacePaths(t.home, id).control);
  await assert.rejects(line.call("handOver", {}), { code: "VRIFT_NO_DAEMON", message: /unknown key/ });
  line.close();
  await client.upsert("d", directory);
  assert.equal(owner(id), pid);
  const control = await t.control();
  await assert.rejects(control.call("restart", {}), { code: "VRIFT_NO_DAEMON" });
  assert.match(await client.status(), /^ready/);
});

test("control of a project answers a ping while the workspace is being opened", async () => {
  for (let d = 0; d < 60; d++) {
    mkdirSync(join(t.root, `d${d}`));
    for (let f = 0; f < 50; f++) writeFileSync(join(t.root, `d${d}/f${f}`), "x");
  }
  await t.start();
  const opening = (await t.control()).call("open", { root: t.root });
  const { control } = await opening;
  const line = await connectProjectControl(control);
  assert.equal((await line.call("ping", {})).workspace?.entries, 1 + 60 + 60 * 50);
  line.close();
});

test(
  "a successor that is killed while it is given the connections is a death like any other",
  { timeout: 60_000 },
  async () => {
    await t.start();
    const client = t.client();
    const id = await client.register(t.root);
    const { socket, control, log } = workspacePaths(t.home, id);
    const before = owner(id)!;
    // Each is given by itself: enough of them that the kill comes in between.
    const direct = Array.from({ length: 200 }, () => connect({ socketPath: socket }));
    await Promise.all(direct.map((one) => one.status()));
    const line = await connectProjectControl(control);
    const handed = assert.rejects(line.call("handOver", {}), { code: "ECONNRESET" });
    const successor = await until(
      () => /handing over successor=(\d+)/.exec(readFileSync(log, "utf8"))?.[1] ?? false,
    );
    assert.equal(owner(id), before);
    process.kill(Number(successor), "SIGKILL");
    await handed;
    line.close();
    await client.upsert("d", directory);
    assert.equal((await client.get("d"))?.flags, 1);
    for (const one of direct) one.close();
  },
);

test("a frozen process that has just begun a hand-over is replaced", { timeout: 90_000 }, async () => {
  await t.start();
  const client = t.client();
  const id = await client.register(t.root);
  const before = owner(id)!;
  const line = await connectProjectControl(workspacePaths(t.home, id).control);
  const handed = assert.rejects(line.call("handOver", {}), { code: "ECONNRESET" });
  await until(() => childrenOf(before).length > 0);
  process.kill(before, "SIGSTOP");
  // Whether an unanswered change was done is not known.
  await assert.rejects(client.upsert("d", directory), { code: "ECONNRESET" });
  await handed;
  line.close();
  await client.upsert("e", directory);
  assert.notEqual(owner(id), before);
});

test("what was begun through a vriftd that hands over is finished", { timeout: 60_000 }, async () => {
  for (let f = 0; f < 300; f++) writeFileSync(join(t.root, `f${f}`), `${f}`);
  await t.start();
  for (let round = 0; round < 4; round++) {
    const control = await t.control();
    const root = join(t.directory, `project${round}`);
    mkdirSync(root);
    for (let f = 0; f < 300; f++) writeFileSync(join(root, `f${f}`), `${f}`);
    const asked = control.call("open", { root, phantom: true });
    await wait(round * 60);
    const other = await t.control();
    await other.call("restart", {});
    const opened = await asked;
    assert.equal(opened.workspace.kind, "phantom");
  }
});

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ").filter(Boolean).map(Number);
}

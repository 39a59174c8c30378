/** FlockAcquire and FlockRelease over real connections: through vriftd and on the project's socket, over deaths and hand-overs. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { DaemonFixture, RawConnection } from "../../test/daemon-fixture.js";
import { below, seededRandom } from "../../test/random-message.js";
import { workspacePaths } from "../platform/paths.js";
import type { VeloResponse } from "../protocol/messages.js";
import { ownerOf } from "../workspace/owner-lock.js";
import { LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN } from "./flock-table.js";

const seed = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);
let t: DaemonFixture;
let socket: string;
let id: string;
const open: RawConnection[] = [];

before(async () => {
  t = new DaemonFixture({ VRIFT_IDLE_SECONDS: "600" });
  await t.start();
  id = await t.client().register(t.root);
  socket = workspacePaths(t.home, id).socket;
});

after(async () => {
  for (const one of open) one.close();
  await t.close();
});

/** Bound to the project. */
async function through(path: "vriftd" | "vdir_d", root = t.root): Promise<RawConnection> {
  const connection = connect({ path: path === "vriftd" ? t.home.daemonSocket : socket });
  await once(connection, "connect");
  const raw = new RawConnection(connection);
  open.push(raw);
  const ack = await raw.call({ type: "RegisterWorkspace", project_root: root });
  assert.equal(ack?.type, "RegisterAck");
  return raw;
}

const both = (): Promise<RawConnection[]> => Promise.all([through("vriftd"), through("vdir_d")]);

/** `ok`, or the code. */
function outcome(reply: VeloResponse | undefined): string {
  if (reply === undefined) return "closed";
  return reply.type === "Error"
    ? reply.message.split(":")[0]!
    : reply.type === "FlockAck"
      ? "ok"
      : reply.type;
}

async function flock(raw: RawConnection, path: string, operation: number): Promise<string> {
  return outcome(await raw.call({ type: "FlockAcquire", path, operation }));
}

/** Requests in flight: what was sent on it before has been seen by the project. */
async function arrived(raw: RawConnection, path: string): Promise<void> {
  // Somebody else is refused only by a queue or a holder; a queue behind a shared lock refuses even readers.
  while ((await flock(raw, path, LOCK_SH | LOCK_NB)) !== "EWOULDBLOCK") {
    await flock(raw, path, LOCK_UN);
    await wait(2);
  }
}

test("whoever connects how: one lock, one name; upgrade, downgrade, release, LOCK_NB", async () => {
  const [a, b] = (await both()) as [RawConnection, RawConnection];
  assert.equal(await flock(a, "src/x", LOCK_EX), "ok");
  assert.equal(await flock(a, "src/x", LOCK_EX | LOCK_NB), "ok");
  for (const path of ["src/x", "/src/x", "src//./x", join(t.root, "src/x")])
    assert.equal(await flock(b, path, LOCK_SH | LOCK_NB), "EWOULDBLOCK", path);
  assert.equal(await flock(a, "src/x", LOCK_SH), "ok");
  assert.equal(await flock(b, "src/x", LOCK_SH | LOCK_NB), "ok");
  // A conversion that is refused has given up what it had, as the kernel's does.
  assert.equal(await flock(b, "src/x", LOCK_EX | LOCK_NB), "EWOULDBLOCK");
  assert.equal(await flock(a, "src/x", LOCK_EX | LOCK_NB), "ok");
  assert.equal(await flock(a, "src/x", LOCK_UN), "ok");
  assert.equal(await flock(b, "src/x", LOCK_EX | LOCK_NB), "ok");
  assert.equal(outcome(await b.call({ type: "FlockRelease", path: "src/x" })), "ok");
  assert.equal(outcome(await b.call({ type: "FlockRelease", path: "src/x" })), "ok");
  for (const [path, operation, code] of [
    ["x", 3, "EINVAL"],
    ["../x", LOCK_EX, "EINVAL"],
    ["a\0b", LOCK_EX, "EINVAL"],
    ["x".repeat(5000), LOCK_EX, "ENAMETOOLONG"],
  ] as const)
    for (const raw of [a, b]) assert.equal(await flock(raw, path, operation), code, path.slice(0, 10));
});

test("who waits holds up nobody but itself, and gets the lock when the holder's connection ends", async () => {
  const [holder, waiter] = (await both()) as [RawConnection, RawConnection];
  const another = await through("vriftd");
  assert.equal(await flock(holder, "w", LOCK_SH), "ok");
  waiter.send({ type: "FlockAcquire", path: "w", operation: LOCK_EX });
  waiter.send({ type: "Status" });
  await arrived(another, "w");
  assert.equal((await another.call({ type: "Status" }))?.type, "StatusAck");
  assert.equal((await another.call({ type: "ManifestGet", path: "w" }))?.type, "ManifestAck");
  holder.close();
  assert.equal(outcome(await waiter.reply()), "ok");
  assert.equal((await waiter.reply())?.type, "StatusAck");
  waiter.close();
  assert.equal(await flock(another, "w", LOCK_EX), "ok");
  another.close();
});

for (const way of ["vriftd", "vdir_d"] as const)
  test(`closing cancels a wait, also for who only ends its side and is told (${way})`, async () => {
    const holder = await through("vdir_d");
    const gone = await through(way);
    const half = await through(way);
    const last = await through(way);
    const path = `c-${way}`;
    assert.equal(await flock(holder, path, LOCK_SH), "ok");
    gone.send({ type: "FlockAcquire", path, operation: LOCK_EX });
    await arrived(await through("vdir_d"), path);
    half.send({ type: "FlockAcquire", path, operation: LOCK_EX });
    half.send({ type: "ManifestGet", path: "none" });
    half.socket.end();
    assert.equal(outcome(await half.reply()), "EINTR");
    assert.equal((await half.reply())?.type, "ManifestAck");
    assert.equal(await half.reply(), undefined);
    gone.close();
    // Were one of them still in the queue, a reader would have to wait behind it.
    assert.equal(await flock(last, path, LOCK_SH), "ok");
    holder.close();
  });

test("a second registration frees the locks of the first", async () => {
  const [front, direct] = (await both()) as [RawConnection, RawConnection];
  const other = join(t.directory, "other");
  mkdirSync(other, { recursive: true });
  for (const root of [other, t.root]) {
    assert.equal(
      (await front.call({ type: "RegisterWorkspace", project_root: t.root }))?.type,
      "RegisterAck",
    );
    assert.equal(await flock(front, "r", LOCK_EX | LOCK_NB), "ok");
    assert.equal((await front.call({ type: "RegisterWorkspace", project_root: root }))?.type, "RegisterAck");
    assert.equal(await flock(direct, "r", LOCK_EX | LOCK_NB), "ok");
    assert.equal(await flock(direct, "r", LOCK_UN), "ok");
  }
  assert.equal(await flock(direct, "r", LOCK_EX), "ok");
  assert.equal((await direct.call({ type: "RegisterWorkspace", project_root: t.root }))?.type, "RegisterAck");
  assert.equal(await flock(front, "r", LOCK_EX | LOCK_NB), "ok");
  front.close();
});

test("a hand-over carries locks and waiters: who held holds, who waits keeps the place", async () => {
  const holders = await both();
  const waiters = await both();
  const [tester] = (await both()) as [RawConnection];
  for (const [i, holder] of holders.entries()) assert.equal(await flock(holder, `h${i}`, LOCK_EX), "ok");
  assert.equal(await flock(holders[0]!, "order", LOCK_SH), "ok");
  for (const waiter of waiters) {
    waiter.send({ type: "FlockAcquire", path: "order", operation: LOCK_EX });
    await arrived(tester, "order");
  }
  const lock = workspacePaths(t.home, id).lock;
  const before = ownerOf(lock);
  const control = await t.control();
  await control.call("restart", {});
  // The new vriftd replaces the projects' processes with the first request; this one asks the project itself, too.
  const { connectProjectControl } = await import("../client/control-client.js");
  const project = await connectProjectControl(workspacePaths(t.home, id).control);
  await project.call("handOver", {});
  assert.notEqual(ownerOf(lock), before);
  for (const i of holders.keys())
    assert.equal(await flock(tester, `h${i}`, LOCK_SH | LOCK_NB), "EWOULDBLOCK");
  assert.equal(await flock(tester, "order", LOCK_SH | LOCK_NB), "EWOULDBLOCK");
  assert.equal(await flock(holders[0]!, "order", LOCK_UN), "ok");
  assert.equal(outcome(await waiters[0]!.reply()), "ok");
  assert.equal(await flock(tester, "order", LOCK_SH | LOCK_NB), "EWOULDBLOCK");
  waiters[0]!.close();
  assert.equal(outcome(await waiters[1]!.reply()), "ok");
  for (const raw of [...holders, ...waiters, tester]) raw.close();
});

test("random locks of many connections: exclusive is exclusive, and nobody waits for ever", async () => {
  const random = seededRandom(seed);
  const holders = new Map<string, Map<number, number>>();
  const side = async (i: number): Promise<void> => {
    const raw = await through(i % 2 === 0 ? "vriftd" : "vdir_d");
    for (let step = 0; step < 40; step++) {
      const path = `random${below(random, 3)}`;
      const mode = random() < 0.5 ? LOCK_SH : LOCK_EX;
      const isTry = random() < 0.3;
      const held = holders.get(path) ?? new Map<number, number>();
      holders.set(path, held);
      const got = await flock(raw, path, mode | (isTry ? LOCK_NB : 0));
      if (got !== "ok") {
        assert.ok(isTry && got === "EWOULDBLOCK", `seed ${seed}: ${got}`);
        continue;
      }
      held.set(i, mode);
      assert.ok(
        held.size === 1 || [...held.values()].every((other) => other === LOCK_SH),
        `seed ${seed}: ${path} is held by ${JSON.stringify([...held])}`,
      );
      if (random() < 0.5) await raw.call({ type: "ManifestGet", path });
      // A lock is over, for the model, before the daemon hears of it.
      held.delete(i);
      assert.equal(await flock(raw, path, LOCK_UN), "ok");
    }
    raw.close();
  };
  await Promise.all(Array.from({ length: 16 }, (_, i) => side(i)));
});

// The last one: it ends the project's process.
test("the project's process is killed: the locks are free, and who held one sees the connection break", async () => {
  const holders = await both();
  const idle = await through("vriftd");
  for (const [i, holder] of holders.entries()) assert.equal(await flock(holder, `k${i}`, LOCK_EX), "ok");
  process.kill(ownerOf(workspacePaths(t.home, id).lock)!, "SIGKILL");
  for (const holder of holders) assert.equal(await holder.reply(), undefined);
  for (const i of holders.keys()) assert.equal(await flock(idle, `k${i}`, LOCK_EX | LOCK_NB), "ok");
});

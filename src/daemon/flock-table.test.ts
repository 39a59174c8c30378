/** The locks of wire clients against the kernel's own flock(2), and against what fairness promises. */
import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { below, seededRandom } from "../../test/random-message.js";
import { FLOCKS_MAX } from "../platform/limits.js";
import { native } from "../platform/native.js";
import { FlockTable, LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN } from "./flock-table.js";
import type { FlockOwner } from "./flock-table.js";

const seed = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);

/** Whether it is held now; for what waits, whether it was granted meanwhile. */
function asked(owner: FlockOwner, key: string, operation: number): { outcome: string } {
  const asking = { outcome: "granted" };
  try {
    const waits = owner.acquire(key, operation);
    if (waits === undefined) return asking;
    asking.outcome = "waits";
    waits.then(
      () => (asking.outcome = "granted"),
      (error: { code: string }) => (asking.outcome = error.code),
    );
  } catch (error) {
    asking.outcome = (error as { code: string }).code;
  }
  return asking;
}

/** Promises that are settled have told so. */
async function told(): Promise<void> {
  for (let i = 0; i < 3; i++) await Promise.resolve();
}

test("while nobody waits, every operation ends as the kernel's flock(2) on as many open files", () => {
  const folder = mkdtempSync(join(tmpdir(), "vrift-flock-"));
  const random = seededRandom(seed);
  const table = new FlockTable();
  const keys = ["a", "dir/b"];
  const sides = Array.from({ length: 4 }, () => ({
    owner: table.owner(),
    fds: keys.map((key) => openSync(join(folder, key.replace("/", "-")), "a")),
  }));
  try {
    for (let i = 0; i < 5000; i++) {
      const side = sides[below(random, sides.length)]!;
      const at = below(random, keys.length);
      const operation = [LOCK_SH, LOCK_EX, LOCK_UN][below(random, 3)]! | LOCK_NB;
      const kernel = native.flock(side.fds[at]!, operation) ? "granted" : "EWOULDBLOCK";
      const { outcome } = asked(side.owner, keys[at]!, operation);
      assert.equal(outcome, kernel, `seed ${seed}, step ${i}: ${operation}`);
    }
    for (const { owner } of sides) owner.releaseAll();
    assert.equal(table.size, 0, "nothing is kept of what nobody holds");
  } finally {
    for (const { fds } of sides) for (const fd of fds) closeSync(fd);
    rmSync(folder, { recursive: true });
  }
});

test("random acquires, releases and ends: exclusive is exclusive, each enters in its turn, all enter in the end", async () => {
  const random = seededRandom(seed);
  const table = new FlockTable();
  const owners = new Set(Array.from({ length: 12 }, () => table.owner()));
  const keys = ["x", "y", "z"];
  /** The model: arrival order of those that wait, per key. */
  const queues = new Map<string, { owner: FlockOwner; asking: { outcome: string }; mode: number }[]>(
    keys.map((key) => [key, []]),
  );
  const waiting = new Set<FlockOwner>();
  const settle = async (): Promise<void> => {
    await told();
    for (const queue of queues.values()) {
      // Whoever got in was first in the queue, but for those who have given up.
      while (queue.length > 0 && queue[0]!.asking.outcome !== "waits") waiting.delete(queue.shift()!.owner);
      for (const { asking } of queue) assert.equal(asking.outcome, "waits", `seed ${seed}: out of turn`);
    }
    for (const key of keys) {
      const modes = [...owners].flatMap((owner) => owner.held.get(key) ?? []);
      assert.ok(
        modes.length <= 1 || modes.every((mode) => mode === LOCK_SH),
        `seed ${seed}: ${key} ${String(modes)}`,
      );
      const first = queues.get(key)![0];
      if (first !== undefined)
        assert.ok(
          modes.length > 0 && !(first.mode === LOCK_SH && modes[0] === LOCK_SH),
          `seed ${seed}: ${key} is free`,
        );
    }
  };
  const drop = (owner: FlockOwner): void => {
    for (const queue of queues.values()) {
      const at = queue.findIndex((one) => one.owner === owner);
      if (at >= 0) queue.splice(at, 1);
    }
    waiting.delete(owner);
  };
  for (let i = 0; i < 20_000; i++) {
    const owner = [...owners][below(random, owners.size)]!;
    const key = keys[below(random, keys.length)]!;
    const dice = random();
    if (dice < 0.02) {
      drop(owner);
      owner.releaseAll();
      owners.delete(owner);
      owners.add(table.owner());
    } else if (waiting.has(owner)) continue;
    else if (dice < 0.5) owner.release(key);
    else {
      const mode = random() < 0.6 ? LOCK_SH : LOCK_EX;
      const asking = asked(owner, key, mode | (random() < 0.2 ? LOCK_NB : 0));
      if (asking.outcome === "waits") {
        queues.get(key)!.push({ owner, asking, mode });
        waiting.add(owner);
      }
    }
    await settle();
  }
  for (const owner of owners) {
    drop(owner);
    owner.releaseAll();
  }
  assert.equal(table.size, 0);
});

test("a writer is not starved by readers, nor readers by writers, nor either by who only tries", async () => {
  const table = new FlockTable();
  const [reader, writer, later, last] = [table.owner(), table.owner(), table.owner(), table.owner()];
  assert.equal(asked(reader, "k", LOCK_SH).outcome, "granted");
  const writes = asked(writer, "k", LOCK_EX);
  const reads = asked(later, "k", LOCK_SH);
  assert.equal(asked(table.owner(), "k", LOCK_SH | LOCK_NB).outcome, "EWOULDBLOCK");
  const readsToo = asked(last, "k", LOCK_SH);
  reader.release("k");
  await told();
  assert.deepEqual([writes.outcome, reads.outcome, readsToo.outcome], ["granted", "waits", "waits"]);
  // A downgrade lets in who only reads.
  assert.equal(asked(writer, "k", LOCK_SH).outcome, "granted");
  await told();
  assert.deepEqual([reads.outcome, readsToo.outcome], ["granted", "granted"]);
});

test("two that hold it shared and both want it for themselves: no deadlock, one after the other", async () => {
  const table = new FlockTable();
  const [one, two] = [table.owner(), table.owner()];
  asked(one, "k", LOCK_SH);
  asked(two, "k", LOCK_SH);
  const first = asked(one, "k", LOCK_EX);
  const second = asked(two, "k", LOCK_EX);
  await told();
  // The first gave its own up to wait: the second holds it alone, and need not.
  assert.deepEqual([first.outcome, second.outcome], ["waits", "granted"]);
  two.release("k");
  await told();
  assert.equal(first.outcome, "granted");
});

test("ten thousand wait for one lock, half of them give up, the others get it in their order", async () => {
  const table = new FlockTable();
  const holder = table.owner();
  asked(holder, "k", LOCK_EX);
  const entered: number[] = [];
  const owners = Array.from({ length: 10_000 }, (_, i) => {
    const owner = table.owner();
    void owner.acquire("k", LOCK_EX)!.then(
      () => {
        entered.push(i);
        owner.release("k");
      },
      () => undefined,
    );
    return owner;
  });
  for (let i = 0; i < owners.length; i += 2) owners[i]!.interrupt();
  holder.release("k");
  while (table.size > 0) await new Promise(setImmediate);
  assert.deepEqual(
    entered,
    Array.from({ length: 5000 }, (_, i) => 2 * i + 1),
  );
});

test("refused: what is no operation, and more locks than one connection may hold", () => {
  const owner = new FlockTable().owner();
  for (const operation of [0, 3, 4, 16, -1, LOCK_SH | LOCK_UN])
    assert.equal(asked(owner, "k", operation).outcome, "EINVAL");
  for (let i = 0; i < FLOCKS_MAX; i++) asked(owner, `k${i}`, LOCK_EX);
  assert.equal(asked(owner, "more", LOCK_EX).outcome, "ENOLCK");
  assert.equal(asked(owner, "k0", LOCK_SH).outcome, "granted");
  assert.equal(asked(owner, "k1", LOCK_UN).outcome, "granted");
  assert.equal(asked(owner, "more", LOCK_EX).outcome, "granted");
});

test("carried to another process: who held holds, who waited keeps the place, nobody gets in between", async () => {
  const before = new FlockTable();
  const [holder, first, second] = [before.owner(), before.owner(), before.owner()];
  asked(holder, "k", LOCK_EX);
  const waits = asked(first, "k", LOCK_EX);
  const waitsToo = asked(second, "k", LOCK_SH);
  for (const owner of [first, second]) assert.ok(owner.suspend());
  const carried = [second.carry(), holder.carry(), first.carry()];
  for (const owner of [holder, first, second]) owner.releaseAll();
  await told();
  assert.deepEqual([waits.outcome, waitsToo.outcome], ["waits", "waits"]);

  const after = new FlockTable();
  const [second2, holder2, first2] = after.resume(JSON.parse(JSON.stringify(carried)) as typeof carried);
  assert.equal(asked(after.owner(), "k", LOCK_SH | LOCK_NB).outcome, "EWOULDBLOCK");
  const newcomer = asked(after.owner(), "k", LOCK_EX);
  // Asked again, in whatever order.
  const again2 = asked(second2!, "k", LOCK_SH);
  const again1 = asked(first2!, "k", LOCK_EX);
  holder2!.release("k");
  await told();
  assert.deepEqual([again1.outcome, again2.outcome, newcomer.outcome], ["granted", "waits", "waits"]);
  first2!.releaseAll();
  await told();
  assert.deepEqual([again2.outcome, newcomer.outcome], ["granted", "waits"]);
  second2!.releaseAll();
  await told();
  assert.equal(newcomer.outcome, "granted");
});

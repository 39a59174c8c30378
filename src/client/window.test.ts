import assert from "node:assert/strict";
import { test } from "node:test";
import { below, seededRandom } from "../../test/random-message.js";
import { Window } from "./window.js";

test("never more than there is room for, in order, each once, whoever withdraws", () => {
  const seed = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 2 ** 31);
  const random = seededRandom(seed);
  const window = new Window(5, 100);
  const inside: number[] = [];
  const waiting = new Map<number, { withdraw: () => void }>();
  let last = -1;
  let withdrawn = 0;
  for (let i = 0; i < 50_000; i++) {
    const size = below(random, 60);
    const enter = (): void => {
      assert.ok(i > last, `seed ${seed}`);
      last = i;
      waiting.delete(i);
      window.take(size);
      inside.push(size);
    };
    if (window.isOpen) enter();
    else waiting.set(i, { withdraw: window.wait(enter) });
    assert.equal(window.state.requests, inside.length);
    assert.equal(window.state.waiting, waiting.size);
    assert.ok(
      inside.length <= 5 && inside.slice(0, -1).reduce((sum, one) => sum + one, 0) < 100,
      `seed ${seed}`,
    );
    if (random() < 0.3 && inside.length > 0) window.give(inside.shift()!);
    const oldest = waiting.keys().next();
    if (random() < 0.75 && oldest.done !== true) {
      waiting.get(oldest.value)!.withdraw();
      waiting.get(oldest.value)!.withdraw();
      waiting.delete(oldest.value);
      withdrawn++;
    }
  }
  assert.ok(withdrawn > 10_000, `${withdrawn}`);
  while (inside.length > 0) window.give(inside.shift()!);
  assert.deepEqual(window.state, { requests: 0, bytes: 0, waiting: 0 });
  assert.equal(waiting.size, 0);
});

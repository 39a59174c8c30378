import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextRound } from "node:timers/promises";
import { TURN_MESSAGES, TURN_MESSAGES_SHARED, TURNS_SHARED } from "../platform/limits.js";
import { BusyConnections } from "./busy-connections.js";

test("one goes on in each round of the event loop, in the order in which they came", async () => {
  const busy = new BusyConnections();
  const went: string[] = [];
  for (const name of ["a", "b", "c"]) busy.wait(() => went.push(name));
  assert.deepEqual(went, []);
  for (const expected of [["a"], ["a", "b"], ["a", "b", "c"]]) {
    await nextRound();
    assert.deepEqual(went, expected);
  }
});

test("who waits again in its own turn comes behind the others", async () => {
  const busy = new BusyConnections();
  const went: string[] = [];
  const goOn = (name: string, times: number) => (): void => {
    went.push(name);
    if (times > 1) busy.wait(goOn(name, times - 1));
  };
  busy.wait(goOn("a", 3));
  busy.wait(goOn("b", 2));
  for (let round = 0; round < 6; round++) await nextRound();
  assert.deepEqual(went, ["a", "b", "a", "b", "a"]);
});

test("turns are long alone, short beside another, and long again when that has been silent for a while", () => {
  const busy = new BusyConnections();
  const [a, b] = [{}, {}];
  assert.equal(busy.begin(a), TURN_MESSAGES);
  assert.equal(busy.begin(a), TURN_MESSAGES);
  assert.equal(busy.begin(b), TURN_MESSAGES_SHARED);
  for (let turn = 1; turn < TURNS_SHARED; turn++) assert.equal(busy.begin(b), TURN_MESSAGES_SHARED);
  assert.equal(busy.begin(b), TURN_MESSAGES);
});

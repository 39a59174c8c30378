import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyedTurns } from "./keyed-turns.js";

test("one after the other for a key, beside each other for two, and nothing is kept of what is over", async () => {
  const turns = new KeyedTurns();
  const said: string[] = [];
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const first = turns.run("a", async () => {
    await held;
    said.push("a1");
  });
  const failing = turns.run("a", () => Promise.reject(new Error("a2")));
  const third = turns.run("a", async () => void said.push("a3"));
  await turns.run("b", async () => void said.push("b"));
  assert.equal(turns.size, 1);
  release();
  await first;
  await assert.rejects(failing, { message: "a2" });
  await third;
  assert.deepEqual(said, ["b", "a1", "a3"]);
  for (let i = 0; i < 1000; i++) await turns.run(`key ${i}`, async () => i);
  await turns.idle();
  assert.equal(turns.size, 0);
});

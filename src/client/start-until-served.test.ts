import assert from "node:assert/strict";
import { test } from "node:test";
import type { Detached } from "../platform/spawn-detached.js";
import { startUntilServed } from "./start-until-served.js";

/** A process that has ended with the code, or goes on. */
const process = (code: number | undefined): Detached =>
  ({ exit: () => code, failure: (what: string) => new Error(what) }) as unknown as Detached;

const failed = (_started: Detached, code: number | undefined): Error =>
  new Error(code === undefined ? "not in time" : `ended with ${code}`);

test("one that has left it to another, which is gone as well, is followed by one more; not for ever", async () => {
  let starts = 0;
  const found = await startUntilServed({
    start: () => process([0, 0, undefined][starts++]),
    find: async () => (starts === 3 ? "third" : undefined),
    isComing: async () => false,
    failed,
  });
  assert.deepEqual([found, starts], ["third", 3]);
  starts = 0;
  const never = startUntilServed({
    start: () => process(((starts += 1), 0)),
    find: async () => undefined,
    isComing: async () => false,
    failed,
    timeoutMs: 20,
  });
  await assert.rejects(never, { message: "not in time" });
  assert.equal(starts, 5);
});

test("one that was killed has failed, or is followed when that is wanted", async () => {
  let starts = 0;
  const killed = {
    start: () => process([137, undefined][starts++]),
    find: async () => (starts === 2 ? "second" : undefined),
    isComing: async () => false,
    failed,
  };
  await assert.rejects(startUntilServed(killed), { message: "ended with 137" });
  starts = 0;
  assert.equal(await startUntilServed({ ...killed, afterKill: true }), "second");
  const always = { ...killed, start: () => process(((starts += 1), 137)), find: async () => undefined };
  starts = 0;
  await assert.rejects(startUntilServed({ ...always, afterKill: true }), { message: "ended with 137" });
  assert.equal(starts, 5);
});

test("while another is coming nobody is started beside it; one that fails says so", async () => {
  let starts = 0;
  let looks = 0;
  const found = await startUntilServed({
    start: () => process(((starts += 1), 0)),
    find: async () => (looks++ < 10 ? undefined : "the other"),
    isComing: async () => true,
    failed,
  });
  assert.deepEqual([found, starts], ["the other", 1]);
  const failing = {
    start: () => process(1),
    find: async () => undefined,
    isComing: async () => false,
    failed,
  };
  await assert.rejects(startUntilServed(failing), { message: "ended with 1" });
});

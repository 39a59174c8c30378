import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { TRACE_BYTES_MAX, TRACE_EVENTS_MAX, TRACE_MESSAGE_MAX } from "../platform/limits.js";
import type { Protocol } from "./connection.js";
import { Trace } from "./trace.js";
import { traced } from "./traced.js";

const bytes = (text: string): string => Buffer.from(text).toString("base64");

test("messages in order, each reply with its request; who waits is told", async () => {
  const trace = new Trace();
  assert.equal(trace.active, false);
  const { next: begin } = await trace.poll({});
  assert.equal(trace.active, true);
  const waiting = trace.poll({ after: begin });
  const first = trace.request(1, Buffer.from("a"));
  const second = trace.request(2, Buffer.from("bb"));
  trace.reply(2, second, Buffer.from("B"));
  trace.reply(1, first, Buffer.from("A"));
  const { events, next, dropped } = await waiting;
  assert.equal(dropped, 0);
  assert.equal(next, begin + 4);
  assert.deepEqual(
    events.map(({ number, connection, direction, request, bytes, payload }) => [number - begin, connection, direction, request, bytes, payload]), // prettier-ignore
    [
      [1, 1, "request", undefined, 1, bytes("a")],
      [2, 2, "request", undefined, 2, bytes("bb")],
      [3, 2, "reply", second.number, 1, bytes("B")],
      [4, 1, "reply", first.number, 1, bytes("A")],
    ],
  );
  for (const { timeMs } of events) assert.ok(Math.abs(timeMs - Date.now()) < 60_000);
  assert.ok(events[3]!.microseconds! >= 0);
  trace.end();
});

test("what is too much is dropped, oldest first, and counted; nothing is given twice", async () => {
  const trace = new Trace();
  const { next: begin } = await trace.poll({});
  const all = TRACE_EVENTS_MAX + 10;
  for (let i = 1; i <= all; i++) trace.request(1, Buffer.from(String(i)));
  let after = begin;
  let seen = 0;
  let missing = 0;
  while (after < begin + all) {
    const { events, next, dropped } = await trace.poll({ after });
    missing += dropped;
    for (const { payload, number } of events) {
      assert.equal(Buffer.from(payload, "base64").toString(), String(missing + ++seen));
      assert.equal(number, begin + missing + seen);
    }
    after = next;
  }
  assert.deepEqual([missing, seen], [10, TRACE_EVENTS_MAX]);

  const large = Buffer.alloc(TRACE_MESSAGE_MAX, 1);
  for (let i = 0; i < 20; i++) trace.request(1, large);
  let kept = 0;
  for (let left = 20; left > 0;) {
    const { events, next, dropped } = await trace.poll({ after });
    for (const { payload } of events) kept += Buffer.from(payload, "base64").length;
    left -= events.length + dropped;
    after = next;
  }
  assert.equal(kept, TRACE_BYTES_MAX);

  trace.request(1, Buffer.alloc(TRACE_MESSAGE_MAX + 1, 2));
  const { events } = await trace.poll({ after });
  assert.equal(events[0]!.bytes, TRACE_MESSAGE_MAX + 1);
  assert.equal(Buffer.from(events[0]!.payload, "base64").toString("hex"), "02".repeat(64));
  trace.end();
});

test("a poll without news ends by itself; without polls nothing is kept, and who comes back is told", async () => {
  const trace = new Trace(50);
  const { next: begin } = await trace.poll({});
  assert.deepEqual(await trace.poll({ after: begin }), { events: [], next: begin, dropped: 0 });
  assert.equal(trace.active, true);
  trace.request(1, Buffer.from("forgotten"));
  while (trace.active) await wait(5);
  const { events, next, dropped } = await trace.poll({ after: begin });
  assert.deepEqual(events, []);
  assert.ok(dropped >= 2, "the forgotten one, and what came while nobody asked");
  trace.request(1, Buffer.from("x"));
  assert.equal((await trace.poll({ after: next })).events.length, 1);
  for (const after of [-1, 0.5, "1" as unknown as number])
    await assert.rejects(trace.poll({ after }), { code: "EINVAL" });
  trace.end();
});

test("the end is told to who waits and to who comes later", async () => {
  const trace = new Trace();
  const { next } = await trace.poll({});
  const waiting = trace.poll({ after: next });
  trace.end();
  await assert.rejects(waiting, { code: "ECONNRESET" });
  await assert.rejects(trace.poll({}), { code: "ECONNRESET" });
  assert.equal(trace.active, false);
});

test("a traced protocol answers as it did, at once where it answered at once, and shows frames without their length", async () => {
  const trace = new Trace();
  const plain: Protocol<Buffer> = {
    reader: { buffered: 0, push: () => undefined, next: () => undefined, rest: () => Buffer.alloc(0) },
    inFlight: 7,
    answer: (payload) =>
      payload.toString() === "now" ? Buffer.from("....NOW") : Promise.resolve(Buffer.from("....LATER")),
    refuse: () => Buffer.from("....NO"),
    ended: () => undefined,
  };
  const protocol = traced(plain, trace);
  assert.equal(protocol.inFlight, 7);
  assert.equal(protocol.reader, plain.reader);
  await protocol.answer(Buffer.from("unseen"));
  const { next } = await trace.poll({});
  assert.equal(String(await protocol.answer(Buffer.from("later"))), "....LATER");
  assert.ok(Buffer.isBuffer(protocol.answer(Buffer.from("now"))));
  assert.equal(String(protocol.refuse(new Error())), "....NO");
  const { events } = await trace.poll({ after: next });
  assert.deepEqual(
    events.map(({ payload }) => Buffer.from(payload, "base64").toString()),
    ["later", "LATER", "now", "NOW", "NO"],
  );
  assert.equal(events[4]!.request, undefined);
  trace.end();
});

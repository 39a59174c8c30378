import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeRecord, scanLog } from "./record-log.js";

const payloads = ["", "a", "hello world", "x".repeat(1_000)].map((text) => Buffer.from(text));
const log = Buffer.concat(payloads.map((payload, index) => encodeRecord(BigInt(index) + 7n, payload)));

test("what was written is read", () => {
  const { records, end, tail } = scanLog(log);
  assert.equal(tail, "none");
  assert.equal(end, log.length);
  assert.deepEqual(
    records.map(({ sequence, payload }) => [sequence, payload.toString()]),
    payloads.map((payload, index) => [BigInt(index) + 7n, payload.toString()]),
  );
  assert.deepEqual(scanLog(Buffer.alloc(0)), { records: [], end: 0, tail: "none" });
});

test("every prefix is a whole number of records and a torn tail", () => {
  const ends = [0, ...scanLog(log).records.map(({ start, payload }) => start + 32 + payload.length)];
  for (let length = 0; length < log.length; length++) {
    const { end, tail } = scanLog(log.subarray(0, length));
    assert.equal(
      end,
      ends.findLast((at) => at <= length),
    );
    assert.equal(tail, end === length ? "none" : "torn");
  }
});

test("every flipped bit is damage, found at its record", () => {
  const starts = scanLog(log).records.map(({ start }) => start);
  for (let at = 0; at < log.length; at++) {
    const flipped = Buffer.from(log);
    flipped[at] = flipped[at]! ^ (1 << (at % 8));
    const { end, tail } = scanLog(flipped);
    assert.equal(tail, "damaged", `byte ${at}`);
    assert.equal(
      end,
      starts.findLast((start) => start <= at),
    );
  }
});

test("zeros at the end are torn, anything else is damage", () => {
  assert.equal(scanLog(Buffer.concat([log, Buffer.alloc(100)])).tail, "torn");
  assert.equal(scanLog(Buffer.concat([log, Buffer.alloc(100, 1)])).tail, "damaged");
  assert.equal(scanLog(Buffer.concat([log, Buffer.alloc(100), log])).tail, "damaged");
});

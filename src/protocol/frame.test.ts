import assert from "node:assert/strict";
import { test } from "node:test";
import { below, randomMessage, seededRandom } from "../../test/random-message.js";
import { FRAME_MAX } from "../platform/limits.js";
import { encodeMessage } from "./encode.js";
import { FrameReader, encodeFrame } from "./frame.js";

const seed = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);

test(`whole, byte by byte and in random chunks: the same payloads (VRIFT_TEST_SEED=${seed})`, () => {
  const random = seededRandom(seed);
  const payloads = Array.from({ length: 200 }, () =>
    encodeMessage("request", randomMessage("request", random)),
  );
  payloads.splice(100, 0, Buffer.alloc(0), Buffer.alloc(100_000, 5));
  const stream = Buffer.concat(payloads.map(encodeFrame));
  const chunkings = [
    () => stream.length,
    () => 1,
    () => 1 + below(random, 9),
    () => 1 + below(random, 70_000),
  ];
  for (const chunkLength of chunkings) {
    const read = readAll(stream, chunkLength);
    assert.equal(read.length, payloads.length);
    for (const [i, payload] of payloads.entries()) assert.ok(payload.equals(read[i]!), `payload ${i}`);
  }
});

/** Payloads are kept until the end: a reader that wrote over one it has given would be found out. */
function readAll(stream: Buffer, chunkLength: () => number): Buffer[] {
  const reader = new FrameReader();
  const read: Buffer[] = [];
  for (let at = 0; at < stream.length;) {
    const end = Math.min(stream.length, at + chunkLength());
    reader.push(stream.subarray(at, end));
    for (let payload = reader.next(); payload !== undefined; payload = reader.next()) read.push(payload);
    at = end;
  }
  assert.equal(reader.partial, false);
  return read;
}

test("a frame over the limit is refused at its length, after the frames before it, and for good", () => {
  const header = Buffer.alloc(4);
  header.writeUInt32LE(FRAME_MAX + 1);
  const reader = new FrameReader();
  reader.push(Buffer.concat([encodeFrame(Buffer.from("one")), header]));
  assert.equal(reader.next()?.toString(), "one");
  assert.throws(() => reader.next(), { code: "EMSGSIZE" });
  reader.push(encodeFrame(Buffer.from("two")));
  assert.throws(() => reader.next(), { code: "EMSGSIZE" });
});

test("a frame of exactly the limit passes; one byte more is not written either", () => {
  const frame = encodeFrame(Buffer.alloc(FRAME_MAX));
  const reader = new FrameReader();
  for (let at = 0; at < frame.length; at += 65_536) reader.push(frame.subarray(at, at + 65_536));
  assert.equal(reader.next()?.length, FRAME_MAX);
  assert.throws(() => encodeFrame(Buffer.alloc(FRAME_MAX + 1)), { code: "EMSGSIZE" });
});

test("a zero length is an empty payload; a begun frame shows as partial", () => {
  const reader = new FrameReader();
  reader.push(Buffer.from([0, 0, 0, 0, 9]));
  assert.equal(reader.next()?.length, 0);
  assert.equal(reader.next(), undefined);
  assert.equal(reader.partial, true);
});

test("what was not given out can be taken away, and goes on in another reader", () => {
  const stream = Buffer.concat([encodeFrame(Buffer.from("one")), encodeFrame(Buffer.from("two"))]);
  for (let cut = 0; cut <= stream.length; cut++) {
    const first = new FrameReader();
    first.push(stream.subarray(0, cut));
    const one = first.next();
    const rest = first.rest();
    assert.equal(rest.length + (one === undefined ? 0 : 7), cut);
    assert.equal(first.buffered, 0);
    const second = new FrameReader();
    second.push(rest);
    second.push(stream.subarray(cut));
    assert.equal((one ?? second.next())?.toString(), "one");
    assert.equal(second.next()?.toString(), "two");
    assert.equal(second.partial, false);
  }
});

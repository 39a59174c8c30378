import assert from "node:assert/strict";
import { test } from "node:test";
import { CONTROL_LINE_MAX } from "../platform/limits.js";
import { LineReader } from "./line-reader.js";

test("lines come out whole at every chunk size", () => {
  const lines = ["", "one", "é🙂", "x".repeat(1000), "last"];
  const stream = Buffer.from(lines.map((line) => `${line}\n`).join(""));
  for (let size = 1; size <= stream.length; size++) {
    const reader = new LineReader();
    const read: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      reader.push(stream.subarray(at, at + size));
      for (let line = reader.next(); line !== undefined; line = reader.next()) read.push(line);
    }
    assert.deepEqual(read, lines);
    assert.equal(reader.partial, false);
  }
});

test("a line over the limit is refused, with or without its end, after the lines before it", () => {
  for (const end of ["", "\n"]) {
    const reader = new LineReader();
    reader.push(Buffer.from(`a\n${"x".repeat(CONTROL_LINE_MAX + 1)}${end}`));
    assert.equal(reader.next(), "a");
    assert.throws(() => reader.next(), { code: "EMSGSIZE" });
    reader.push(Buffer.from("b\n"));
    assert.throws(() => reader.next(), { code: "EMSGSIZE" });
  }
});

test("a line of exactly the limit passes", () => {
  const reader = new LineReader();
  reader.push(Buffer.from(`${"x".repeat(CONTROL_LINE_MAX)}`));
  assert.equal(reader.next(), undefined);
  assert.equal(reader.partial, true);
  reader.push(Buffer.from("\n"));
  assert.equal(reader.next()?.length, CONTROL_LINE_MAX);
});

test("what was not given out can be taken away, and the reader starts anew", () => {
  const reader = new LineReader();
  reader.push(Buffer.from("one\ntw"));
  assert.equal(reader.next(), "one");
  assert.equal(reader.next(), undefined);
  assert.equal(reader.buffered, 2);
  assert.equal(reader.rest().toString(), "tw");
  reader.push(Buffer.from("a\n"));
  assert.equal(reader.next(), "a");
});

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { FRAME_MAX } from "../platform/limits.js";
import { encodeRequest } from "./encode.js";
import { SWEEP_FILTER_MAX, buildSweepFilter, readSweepFilter } from "./sweep-filter.js";

interface Vector {
  readonly hashes: readonly string[];
  readonly length: number;
  readonly filter: string;
  readonly absent: readonly string[];
}

const file = fileURLToPath(new URL("../../../test/data/sweep-filter.jsonl", import.meta.url));
const script = fileURLToPath(new URL("../../../test/python/sweep_filter.py", import.meta.url));
const text = readFileSync(file, "utf8");
const vectors = text
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Vector);
const fromHex = (hex: string): Buffer => Buffer.from(hex, "hex");
const python = {
  skip: spawnSync("python3", ["--version"]).status === 0 ? false : "python3 is not installed",
};

test("the filters of test/data/sweep-filter.jsonl are built and read to the byte", () => {
  assert.ok(vectors.length >= 10);
  for (const { hashes, length, filter, absent } of vectors) {
    const bitsPerHash = hashes.length === 0 ? 16 : (length * 8) / hashes.length;
    assert.equal(Buffer.from(buildSweepFilter(hashes.map(fromHex), bitsPerHash)).toString("hex"), filter);
    const read = readSweepFilter(fromHex(filter));
    for (const hash of hashes) assert.ok(read.has(fromHex(hash)));
    for (const hash of absent) assert.ok(!read.has(fromHex(hash)));
  }
});

test("the filter of CasSweep, checked by an independent program", python, () => {
  const check = (input: string): string =>
    execFileSync("python3", [script, "check"], { input, encoding: "utf8" });
  assert.equal(Number(check(text)), vectors.length);
  const own = [1, 20, 300].map((count) => {
    const hashes = Array.from({ length: count }, () => randomBytes(32));
    const filter = Buffer.from(buildSweepFilter(hashes));
    const vector = { hashes: hashes.map((hash) => hash.toString("hex")), length: filter.length, absent: [] };
    return JSON.stringify({ ...vector, filter: filter.toString("hex") });
  });
  assert.equal(Number(check(own.join("\n"))), own.length);
  const wrong = JSON.stringify({ ...vectors[3], filter: `00${vectors[3]!.filter.slice(2)}` });
  assert.throws(() => execFileSync("python3", [script, "check"], { input: wrong, stdio: "pipe" }));
});

test("an empty filter names nothing, one of ones everything", () => {
  const hash = randomBytes(32);
  assert.equal(buildSweepFilter([]).length, 0);
  assert.ok(!readSweepFilter(new Uint8Array(0)).has(hash));
  assert.ok(!readSweepFilter(new Uint8Array(64)).has(hash));
  assert.ok(readSweepFilter(new Uint8Array(1).fill(255)).has(hash));
});

test("few others pass for named at the usual size", () => {
  const read = readSweepFilter(buildSweepFilter(Array.from({ length: 5000 }, () => randomBytes(32))));
  let passed = 0;
  for (let i = 0; i < 20_000; i++) if (read.has(randomBytes(32))) passed++;
  assert.ok(passed < 60, `${passed} of 20,000; 11.5 expected`);
});

test("the longest filter fits into a frame; what is no hash is refused", () => {
  assert.equal(
    encodeRequest({ type: "CasSweep", bloom_filter: new Uint8Array(SWEEP_FILTER_MAX) }).length,
    FRAME_MAX,
  );
  assert.equal(buildSweepFilter([randomBytes(32)], 1e12).length, SWEEP_FILTER_MAX);
  assert.throws(() => buildSweepFilter([randomBytes(31)]), { code: "EINVAL" });
  for (const bits of [0, -1, NaN, Infinity])
    assert.throws(() => buildSweepFilter([], bits), { code: "EINVAL" });
});

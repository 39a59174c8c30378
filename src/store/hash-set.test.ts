import assert from "node:assert/strict";
import { test } from "node:test";
import { hashBytes, hashToHex } from "../platform/hash.js";
import { HashSet } from "./hash-set.js";

test("holds what was added and nothing else, over many growths", () => {
  const set = new HashSet();
  const hashes = Array.from({ length: 5_000 }, (_, index) => hashBytes(Buffer.from(`hash ${index}`)));
  for (const hash of hashes) assert.equal(set.add(hash), true);
  for (const hash of hashes) assert.equal(set.add(hash), false);
  assert.equal(set.size, hashes.length);
  for (const hash of hashes) assert.ok(set.has(hash));
  for (let index = 0; index < 1_000; index++) assert.ok(!set.has(hashBytes(Buffer.from(`other ${index}`))));
  assert.deepEqual(new Set([...set].map(hashToHex)), new Set(hashes.map(hashToHex)));
});

test("hashes that differ in their last byte only, all zeros included", () => {
  const set = new HashSet();
  const hashes = Array.from({ length: 200 }, (_, index) => new Uint8Array(32).fill(index, 31));
  assert.ok(!set.has(hashes[0]!));
  for (const hash of hashes) assert.equal(set.add(hash), true);
  assert.equal(set.add(hashes[0]!), false);
  assert.equal(set.size, 200);
  assert.equal([...set].length, 200);
  assert.throws(() => set.add(new Uint8Array(31)), RangeError);
});

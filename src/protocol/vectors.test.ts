/** test/data/wire.jsonl was written by Rust with serde and bincode 1.3: clean, cut, bit-flipped and with a tail. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { vectors } from "../../test/wire/vectors.js";
import type { Vector } from "../../test/wire/vectors.js";
import { decodeMessage } from "./decode.js";
import { decodeLine } from "./decode-lines.js";
import { encodeMessage } from "./encode.js";
import { messageTables } from "./schema.js";

test("there are vectors for every message", () => {
  assert.equal(vectors.length, 240);
  for (const kind of ["request", "response"] as const) {
    const seen = new Set(vectors.filter((v) => v.kind === kind && v.ok).map((v) => decode(v).type));
    assert.deepEqual([...seen].sort(), [...messageTables[kind].byName.keys()].sort());
  }
});

test("every vector decodes or does not, and encodes again, as bincode says", () => {
  for (const [i, vector] of vectors.entries()) {
    const where = `line ${i + 1} (${vector.kind}, ${vector.damage})`;
    if (vector.ok) {
      assert.equal(encodeMessage(vector.kind, decode(vector)).toString("hex"), vector.again, where);
    } else {
      assert.throws(() => decode(vector), { code: "EBADMSG", message: / at offset \d+: |has no tag/ }, where);
    }
  }
});

test("debug decode answers every vector", () => {
  for (const [i, vector] of vectors.entries()) {
    const answer = JSON.parse(decodeLine(vector.kind, vector.hex)) as Record<string, unknown>;
    assert.equal(answer["ok"], vector.ok, `line ${i + 1}`);
    assert.equal(answer["again"], vector.again, `line ${i + 1}`);
    assert.equal(typeof answer["error"], vector.ok ? "undefined" : "string", `line ${i + 1}`);
  }
});

function decode(vector: Vector): ReturnType<typeof decodeMessage> {
  return decodeMessage(vector.kind, Buffer.from(vector.hex, "hex"));
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { randomMessage, seededRandom } from "../../test/random-message.js";
import { decodeMessage, decodeRequest, decodeResponse } from "./decode.js";
import { encodeMessage, encodeRequest, encodeResponse } from "./encode.js";
import type { VeloRequest } from "./messages.js";

const seed = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);

test(`random messages come back equal; every truncation fails cleanly (VRIFT_TEST_SEED=${seed})`, () => {
  const random = seededRandom(seed);
  for (let i = 0; i < 500; i++) {
    const kind = random() < 0.5 ? "request" : "response";
    const message = randomMessage(kind, random);
    const payload = encodeMessage(kind, message);
    assert.deepEqual(decodeMessage(kind, payload), message);
    assert.deepEqual(decodeMessage(kind, Buffer.concat([payload, Buffer.from("tail")])), message);
    for (let length = 0; length < payload.length; length++) {
      assert.throws(() => decodeMessage(kind, payload.subarray(0, length)), { code: "EBADMSG" });
    }
  }
});

test(`flipped bytes give a message or EBADMSG, nothing else (VRIFT_TEST_SEED=${seed})`, () => {
  const random = seededRandom(seed + 1);
  for (let i = 0; i < 5000; i++) {
    const kind = random() < 0.5 ? "request" : "response";
    const payload = encodeMessage(kind, randomMessage(kind, random));
    payload[Math.floor(random() * payload.length)]! ^= 1 << Math.floor(random() * 8);
    try {
      const message = decodeMessage(kind, payload);
      assert.deepEqual(decodeMessage(kind, encodeMessage(kind, message)), message);
    } catch (error) {
      assert.equal((error as { code: string }).code, "EBADMSG");
    }
  }
});

test("u64 is exact over the whole range", () => {
  for (const mtime_ns of [0n, (1n << 53n) + 1n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n]) {
    const message: VeloRequest = { type: "ManifestUpdateMtime", path: "a", mtime_ns };
    assert.deepEqual(decodeRequest(encodeRequest(message)), message);
  }
});

test("hostile lengths are refused before anything is allocated", () => {
  const tags = { string: 2, bytes: 12, list: 15 };
  for (const tag of Object.values(tags)) {
    for (const length of [(1n << 64n) - 1n, 1n << 63n, 1n << 53n, 1n << 32n, 0xffff_ffffn, 9n]) {
      const payload = Buffer.alloc(4 + 8 + 8);
      payload.writeUInt32LE(tag, 0);
      payload.writeBigUInt64LE(length, 4);
      assert.throws(() => decodeRequest(payload), {
        code: "EBADMSG",
        message: new RegExp(`offset 4: length ${length} `),
      });
    }
  }
});

test("errors name field and offset", () => {
  const spawn = encodeRequest({ type: "Spawn", command: ["a"], env: [["K", "v"]], cwd: "" });
  const value = spawn.indexOf("v");
  spawn[value] = 0xff;
  assert.throws(() => decodeRequest(spawn), {
    message: `Spawn.env[0][1] at offset ${value}: not valid UTF-8`,
  });
  const ack = encodeResponse({ type: "ManifestAck", entry: null });
  ack[4] = 2;
  assert.throws(() => decodeResponse(ack), {
    message: "ManifestAck.entry at offset 4: option byte is 2, neither 0 nor 1",
  });
  assert.throws(() => decodeRequest(Buffer.from("11000000", "hex")), {
    message: "VeloRequest has no tag 17 (offset 0)",
  });
  assert.throws(() => decodeRequest(Buffer.alloc(0)), {
    message: "VeloRequest at offset 0: needs 4 bytes, 0 remain",
  });
});

test("strict UTF-8: overlong, surrogate, truncated and out-of-range forms are refused; a BOM stays", () => {
  for (const hex of ["c080", "eda080", "e282", "f4908080", "80", "ff"]) {
    const text = Buffer.from(hex, "hex");
    const payload = Buffer.concat([Buffer.from([3, 0, 0, 0, text.length, 0, 0, 0, 0, 0, 0, 0]), text]);
    assert.throws(() => decodeRequest(payload), { code: "EBADMSG" }, hex);
  }
  const withBom: VeloRequest = { type: "ManifestGet", path: "\ufeffa" };
  assert.deepEqual(decodeRequest(encodeRequest(withBom)), withBom);
});

test("values that do not fit are refused by name, not wrapped", () => {
  const entry = { content_hash: new Uint8Array(32), size: 0n, mtime: 0n, mode: 0, flags: 0 };
  const refused: readonly (readonly [VeloRequest, string])[] = [
    [{ type: "ManifestUpdateMtime", path: "a", mtime_ns: -1n }, "ManifestUpdateMtime.mtime_ns"],
    [{ type: "ManifestUpdateMtime", path: "a", mtime_ns: 1n << 64n }, "ManifestUpdateMtime.mtime_ns"],
    [{ type: "FlockAcquire", path: "a", operation: 2 ** 31 }, "FlockAcquire.operation"],
    [{ type: "ManifestUpsert", path: "a", entry: { ...entry, flags: 65536 } }, "ManifestUpsert.entry.flags"],
    [{ type: "ManifestUpsert", path: "a", entry: { ...entry, mode: 0.5 } }, "ManifestUpsert.entry.mode"],
    [{ type: "CasGet", hash: new Uint8Array(31) }, "CasGet.hash"],
    [{ type: "ManifestGet", path: "\ud800" }, "ManifestGet.path"],
    [{ type: "Spawn", command: [], env: [["a", 1 as unknown as string]], cwd: "" }, "Spawn.env[0][1]"],
    [{ type: "Nonsense" } as unknown as VeloRequest, "VeloRequest has no Nonsense"],
  ];
  for (const [message, where] of refused) {
    assert.throws(
      () => encodeRequest(message),
      (error: Error & { code: string }) => {
        return error.code === "EINVAL" && error.message.startsWith(where);
      },
    );
  }
});

test("decoded bytes are copies of their own", () => {
  const payload = encodeRequest({ type: "CasGet", hash: new Uint8Array(32).fill(7) });
  const message = decodeRequest(payload);
  payload.fill(0);
  assert.ok(message.type === "CasGet" && message.hash.every((byte) => byte === 7));
  assert.equal(message.hash.buffer.byteLength, 32);
});

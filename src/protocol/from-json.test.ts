import assert from "node:assert/strict";
import { test } from "node:test";
import { randomMessage, seededRandom } from "../../test/random-message.js";
import { messageFromText } from "./from-json.js";
import { messageToJson } from "./serde-json.js";

const seed = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 2 ** 31);

test("every message comes back from its JSON", () => {
  const random = seededRandom(seed);
  for (const kind of ["request", "response"] as const) {
    for (let i = 0; i < 2000; i++) {
      const message = randomMessage(kind, random);
      const text = JSON.stringify(messageToJson(kind, message));
      assert.deepEqual(messageFromText(kind, text), message, `seed ${seed}: ${text}`);
    }
  }
});

test("forms that serde_json takes as well", () => {
  assert.deepEqual(messageFromText("request", '{"Status":null}'), { type: "Status" });
  assert.deepEqual(messageFromText("request", '{"Protect":{"path":"a","immutable":true}}'), {
    type: "Protect",
    path: "a",
    immutable: true,
    owner: null,
  });
  assert.deepEqual(messageFromText("request", '{"ManifestUpdateMtime":{"path":"a","mtime_ns":5}}'), {
    type: "ManifestUpdateMtime",
    path: "a",
    mtime_ns: 5n,
  });
});

test("what is refused, and how it reads", () => {
  const refused: Readonly<Record<string, RegExp>> = {
    "": /is not JSON/,
    "{": /is not JSON/,
    "[]": /is the name of one/,
    "{}": /is the name of one/,
    '{"Status":null,"Handshake":{}}': /is the name of one/,
    '"Nothing"': /VeloRequest has no Nothing/,
    '"toString"': /VeloRequest has no toString/,
    '"ManifestGet"': /ManifestGet must be an object of fields/,
    '{"Status":{"x":1}}': /Status has no field x/,
    '{"ManifestGet":{"path":1}}': /ManifestGet\.path must be a string/,
    '{"ManifestGet":{}}': /ManifestGet\.path must be a string/,
    '{"ManifestGet":{"path":"a","__proto__":1}}': /has no field __proto__/,
    '{"CasGet":{"hash":"00"}}': /CasGet\.hash must be 64 hexadecimal digits/,
    '{"CasSweep":{"bloom_filter":"0"}}': /bytes in hexadecimal/,
    '{"CasInsert":{"hash":"00","size":1}}': /64 hexadecimal/,
    '{"ManifestUpdateMtime":{"path":"a","mtime_ns":9007199254740993}}': /mtime_ns must be a decimal string/,
    '{"ManifestUpdateMtime":{"path":"a","mtime_ns":"-1"}}': /mtime_ns must be a decimal string/,
    '{"ManifestUpsert":{"path":"a","entry":{"mode":1}}}': /entry\.content_hash must be/,
    '{"Spawn":{"command":["a",1],"env":[],"cwd":"/"}}': /Spawn\.command\[1\] must be a string/,
    '{"Spawn":{"command":[],"env":[["A"]],"cwd":"/"}}': /Spawn\.env\[0\] must be an array of two/,
    '{"Protect":{"path":"a","immutable":1}}': /immutable must be true or false/,
  };
  for (const [text, message] of Object.entries(refused))
    assert.throws(() => messageFromText("request", text), { code: "EINVAL", message }, text);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeLine } from "./decode-lines.js";
import { encodeRequest, encodeResponse } from "./encode.js";
import type { VeloRequest, VeloResponse } from "./messages.js";
import { messageToJson } from "./serde-json.js";

const hash = Uint8Array.from({ length: 32 }, (_, i) => 0xe0 + i);
const hashHex = Buffer.from(hash).toString("hex");

test("requests as serde_json prints them", () => {
  const cases: readonly (readonly [VeloRequest, string])[] = [
    [{ type: "Status" }, `"Status"`],
    [{ type: "Handshake", client_version: "0.1.0" }, `{"Handshake":{"client_version":"0.1.0"}}`],
    [
      { type: "CasInsert", hash, size: (1n << 64n) - 1n },
      `{"CasInsert":{"hash":"${hashHex}","size":"18446744073709551615"}}`,
    ],
    [{ type: "CasSweep", bloom_filter: Uint8Array.of(0, 255) }, `{"CasSweep":{"bloom_filter":"00ff"}}`],
    [
      { type: "Spawn", command: ["a", "b"], env: [["K", "v"]], cwd: "/" },
      `{"Spawn":{"command":["a","b"],"env":[["K","v"]],"cwd":"/"}}`,
    ],
    [
      { type: "Protect", path: "p", immutable: true, owner: null },
      `{"Protect":{"path":"p","immutable":true,"owner":null}}`,
    ],
    [
      { type: "FlockAcquire", path: "\n\u0001", operation: -1 },
      `{"FlockAcquire":{"path":"\\n\\u0001","operation":-1}}`,
    ],
  ];
  for (const [message, json] of cases) {
    assert.equal(JSON.stringify(messageToJson("request", message)), json);
    const hex = encodeRequest(message).toString("hex");
    assert.equal(decodeLine("request", hex), `{"ok":true,"message":${json},"again":"${hex}"}`);
  }
});

test("responses as serde_json prints them", () => {
  const entry = { content_hash: hash, size: 1n, mtime: 2n, mode: 420, flags: 0 };
  const cases: readonly (readonly [VeloResponse, string])[] = [
    [{ type: "CasNotFound" }, `"CasNotFound"`],
    [{ type: "Error", message: "text" }, `{"Error":"text"}`],
    [{ type: "ManifestAck", entry: null }, `{"ManifestAck":{"entry":null}}`],
    [
      { type: "ManifestAck", entry },
      `{"ManifestAck":{"entry":{"content_hash":"${hashHex}","size":"1","mtime":"2","mode":420,"flags":0}}}`,
    ],
    [
      { type: "ManifestListAck", entries: [{ name: "a", is_dir: true }] },
      `{"ManifestListAck":{"entries":[{"name":"a","is_dir":true}]}}`,
    ],
  ];
  for (const [message, json] of cases) {
    assert.equal(JSON.stringify(messageToJson("response", message)), json);
    assert.equal(
      decodeLine("response", encodeResponse(message).toString("hex").toUpperCase()),
      `{"ok":true,"message":${json},"again":"${encodeResponse(message).toString("hex")}"}`,
    );
  }
});

test("lines that are not hexadecimal, or not a message, are answered", () => {
  for (const line of ["0", "zz", "01000000 ", "01000000\r", "", "ffffffff", "é"]) {
    const answer = JSON.parse(decodeLine("request", line)) as { ok: boolean; error: string };
    assert.equal(answer.ok, false, JSON.stringify(line));
    assert.match(answer.error, /^(EINVAL|EBADMSG): /);
  }
});

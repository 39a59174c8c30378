import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReplyTo, VeloRequest, VnodeEntry } from "./messages.js";
import { messageTables, requests, responses, structs } from "./schema.js";

test("17 requests, 13 responses, tags without holes in the order written", () => {
  assert.equal(messageTables.request.byTag.length, 17);
  assert.equal(messageTables.response.byTag.length, 13);
  for (const shapes of [requests, responses]) {
    assert.deepEqual(
      Object.values<{ readonly tag: number }>(shapes).map((shape) => shape.tag),
      Object.keys(shapes).map((_, i) => i),
    );
  }
});

test("order of the specification's listings", () => {
  assert.equal(
    Object.keys(requests).join(" "),
    "Handshake Status RegisterWorkspace ManifestGet ManifestUpsert ManifestRemove ManifestRename ManifestUpdateMtime " +
      "ManifestReingest ManifestListDir CasInsert CasGet CasSweep FlockAcquire FlockRelease Spawn Protect",
  );
  assert.equal(
    Object.keys(responses).join(" "),
    "HandshakeAck StatusAck RegisterAck CasAck ProtectAck FlockAck ManifestAck ManifestListAck CasFound CasNotFound " +
      "CasSweepAck SpawnAck Error",
  );
  assert.deepEqual(Object.keys(structs.VnodeEntry), ["content_hash", "size", "mtime", "mode", "flags"]);
});

test("every response but Error answers some request", () => {
  const replies = new Set<string>(Object.values(requests).flatMap((shape) => shape.replies));
  assert.deepEqual([...replies, "Error"].sort(), Object.keys(responses).sort());
});

test("types follow the table (checked by the compiler)", () => {
  const entry: VnodeEntry = { content_hash: new Uint8Array(32), size: 1n, mtime: 2n, mode: 0o644, flags: 0 };
  const request: VeloRequest = { type: "ManifestUpsert", path: "a", entry };
  const spawn: VeloRequest = { type: "Spawn", command: ["true"], env: [["A", "b"]], cwd: "/" };
  const reply: ReplyTo<"ManifestGet"> = { type: "ManifestAck", entry: null };
  const found: ReplyTo<"CasGet">["type"][] = ["CasFound", "CasNotFound"];
  // @ts-expect-error: a u64 is a bigint
  const wrongNumber: VeloRequest = { type: "ManifestUpdateMtime", path: "a", mtime_ns: 1 };
  // @ts-expect-error: CasGet is not answered by ManifestAck
  const wrongReply: ReplyTo<"CasGet"> = { type: "ManifestAck", entry: null };
  assert.ok([request, spawn, reply, found, wrongNumber, wrongReply].every((value) => value));
});

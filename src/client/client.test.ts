import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { afterEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { greeting, scriptedServer } from "../../test/scripted-server.js";
import type { Answer } from "../../test/scripted-server.js";
import { testServer } from "../../test/wire-server.js";
import type { TestServer } from "../../test/wire-server.js";
import { encodeResponse } from "../protocol/encode.js";
import { encodeFrame } from "../protocol/frame.js";
import type { VeloRequest } from "../protocol/messages.js";
import { connect } from "./client.js";
import type { ConnectOptions, VriftClient } from "./client.js";

let server: TestServer;
let client: VriftClient;

afterEach(async () => {
  client.close();
  await server.close();
});

/** A server that greets, notes what it got and answers the rest as told; and a client of it. */
async function start(answer: Answer, options: Partial<ConnectOptions> = {}): Promise<VeloRequest[]> {
  const got: VeloRequest[] = [];
  server = await scriptedServer((message, socket, connection) => {
    got.push(message);
    const reply = answer(message, socket, connection);
    return reply instanceof Uint8Array ? encodeFrame(reply) : reply;
  });
  client = connect({ socketPath: server.path, ...options });
  return got;
}

const entry = { content_hash: new Uint8Array(32).fill(1), size: 3n, mtime: 4n, mode: 0o644, flags: 0 };

test("connects at the first request, greets, and answers with the type that belongs to the request", async () => {
  const got = await start((message) => {
    if (message.type === "ManifestGet")
      return { type: "ManifestAck", entry: message.path === "a" ? entry : null };
    if (message.type === "CasGet")
      return message.hash[0] === 1 ? { type: "CasFound", size: 9n } : { type: "CasNotFound" };
    if (message.type === "Status") return { type: "StatusAck", status: "ready" };
    if (message.type === "ManifestListDir")
      return { type: "ManifestListAck", entries: [{ name: "a", is_dir: false }] };
    if (message.type === "ManifestUpsert") return { type: "ManifestAck", entry: message.entry };
    return undefined;
  });
  assert.equal(server.connections.length, 0);
  const reply = await client.request({ type: "ManifestGet", path: "a" });
  assert.deepEqual(reply.entry, entry);
  assert.equal(await client.get("b"), null);
  assert.equal(await client.casSize(entry.content_hash), 9n);
  assert.equal(await client.casSize(new Uint8Array(32)), null);
  assert.equal(await client.status(), "ready");
  assert.deepEqual(await client.list(""), [{ name: "a", is_dir: false }]);
  assert.deepEqual(await client.upsert("a", entry), entry);
  assert.equal(await client.register("/p"), "id of /p");
  assert.equal(server.connections.length, 1);
  assert.deepEqual(got[0], { type: "Handshake", client_version: "0.1.0" });
});

test("requests are pipelined and answered in order, also those made while it connects", async () => {
  const held: VeloRequest[] = [];
  await start((message, socket) => {
    if (message.type !== "ManifestGet") return undefined;
    held.push(message);
    if (held.length < 50) return undefined;
    for (const request of held) {
      assert.ok(request.type === "ManifestGet");
      const size = BigInt(request.path);
      socket.write(encodeFrame(encodeResponse({ type: "ManifestAck", entry: { ...entry, size } })));
    }
    return undefined;
  });
  const entries = await Promise.all(Array.from({ length: 50 }, (_, i) => client.get(String(i))));
  assert.deepEqual(
    entries.map((got) => got?.size),
    Array.from({ length: 50 }, (_, i) => BigInt(i)),
  );
  assert.equal(server.connections.length, 1);
});

test("the daemon's Error arrives with its code; the connection goes on", async () => {
  await start((message) => {
    if (message.type === "ManifestListDir")
      return { type: "Error", message: "ENOTDIR: a is not a directory" };
    return message.type === "Status" ? { type: "StatusAck", status: "ready" } : undefined;
  });
  await assert.rejects(client.list("a"), {
    name: "VriftError",
    code: "ENOTDIR",
    message: "a is not a directory",
  });
  assert.equal(await client.status(), "ready");
  assert.equal(server.connections.length, 1);
});

test("a reply of another request's type, and one that does not decode, are errors of that request", async () => {
  await start((message) => {
    if (message.type === "Status") return { type: "CasAck" };
    if (message.type === "ManifestGet") return Buffer.from("ff", "hex");
    return undefined;
  });
  await assert.rejects(client.status(), {
    code: "EPROTO",
    message: /Status was answered with CasAck, not StatusAck/,
  });
  await assert.rejects(client.get("a"), { code: "EBADMSG" });
  assert.equal(await client.register("/p"), "id of /p");
});

test("another major version is refused, naming both", async () => {
  await start(() => ({ type: "HandshakeAck", server_version: "2.0.0" }));
  await assert.rejects(client.status(), { code: "EPROTO", message: /ours is 0\.1\.0, theirs 2\.0\.0/ });
});

test("a broken connection rejects a change, sends a read again, and is made again for the same workspace", async () => {
  const got = await start((message, socket) => {
    if (message.type === "ManifestRemove") socket.destroy();
    if (message.type === "ManifestGet") return { type: "ManifestAck", entry };
    return undefined;
  });
  await client.register("/proj");
  const first = client.remove("a");
  const second = client.get("b");
  await assert.rejects(first, {
    code: "ECONNRESET",
    message: /ManifestRemove was not answered and may or may not have been done/,
  });
  assert.deepEqual(await second, entry);
  assert.deepEqual(
    got.map((message) => message.type),
    ["Handshake", "RegisterWorkspace", "ManifestRemove", "Handshake", "RegisterWorkspace", "ManifestGet"],
  );
  server.drop();
  const again = await Promise.all([client.get("d"), client.get("e")]);
  assert.deepEqual(again, [entry, entry]);
  assert.equal(server.connections.length, 1);
});

test("nobody there, then somebody", async () => {
  await start((message) => (message.type === "Status" ? { type: "StatusAck", status: "ready" } : undefined));
  const { path } = server;
  await server.close();
  await assert.rejects(client.status(), { code: "ECONNREFUSED", message: `nobody listens on ${path}` });
  await assert.rejects(client.status(), { code: "ECONNREFUSED" });
  await start((message) => (message.type === "Status" ? { type: "StatusAck", status: "ready" } : undefined));
  assert.equal(await client.status(), "ready");
});

test("a daemon that accepts and says nothing is given up after the connect timeout", async () => {
  server = await testServer(() => undefined);
  client = connect({ socketPath: server.path, timeoutMs: 50 });
  await assert.rejects(client.status(), {
    code: "ETIMEDOUT",
    message: /the handshake on .* took more than 50 ms/,
  });
});

test("connecting can be aborted", async () => {
  server = await testServer(() => undefined);
  const controller = new AbortController();
  client = connect({ socketPath: server.path, signal: controller.signal });
  const status = client.status();
  setTimeout(() => controller.abort(new Error("enough")), 20);
  await assert.rejects(status, { message: "enough" });
});

test("close rejects what waits and what comes later, also while connecting", async () => {
  await start((message) => (message.type === "Status" ? undefined : greeting(message)));
  await client.register("/p");
  const status = client.status();
  await new Promise((resolve) => setTimeout(resolve, 10));
  client.close();
  await assert.rejects(status, { code: "ECONNRESET" });
  await assert.rejects(client.status(), { code: "ECONNRESET", message: "the client was closed" });

  const connecting = connect({ socketPath: server.path });
  const waiting = connecting.status();
  connecting.close();
  await assert.rejects(waiting, { code: "ECONNRESET" });
});

test("a request that cannot be sent is refused before anything is connected", async () => {
  await start(() => undefined);
  await assert.rejects(client.casInsert(new Uint8Array(5), 1n), {
    code: "EINVAL",
    message: /CasInsert\.hash/,
  });
  await assert.rejects(client.request({ type: "CasSweep", bloom_filter: new Uint8Array(17 << 20) }), {
    code: "EMSGSIZE",
  });
  assert.equal(server.connections.length, 0);
});

test("a socket path that would be cut is refused", async () => {
  await start(() => undefined);
  const long = connect({ socketPath: `/tmp/${"x".repeat(110)}` });
  await assert.rejects(long.status(), { code: "ENAMETOOLONG" });
});

test("what arrives unasked breaks the connection, and only that", async () => {
  await start((message, socket) => {
    if (message.type !== "Status") return undefined;
    socket.write(encodeFrame(encodeResponse({ type: "StatusAck", status: "ready" })));
    return { type: "CasAck" };
  });
  assert.equal(await client.status(), "ready");
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(await client.register("/p"), "id of /p");
});

test("the package's name leads here, and an idle connection does not keep a process alive", async () => {
  await start((message) => (message.type === "Status" ? { type: "StatusAck", status: "ready" } : undefined));
  const script = `
    import { connect } from "vrift";
    console.log(await connect({ socketPath: ${JSON.stringify(server.path)} }).status());`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
    cwd: fileURLToPath(new URL("../../../", import.meta.url)),
    timeout: 10_000,
  });
  assert.equal(stdout, "ready\n");
});

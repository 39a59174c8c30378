/** Connections that break at every place, and what the client may and may not do then. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { replyFrame, scriptedServer } from "../../test/scripted-server.js";
import type { Answer, ScriptedServer } from "../../test/scripted-server.js";
import { READ_ATTEMPTS_MAX } from "../platform/limits.js";
import type { VeloRequest, VeloResponse } from "../protocol/messages.js";
import { requests } from "../protocol/schema.js";
import { connect } from "./client.js";
import type { ConnectOptions, VriftClient } from "./client.js";
import { isRead } from "./repeatable.js";

let server: ScriptedServer;
let client: VriftClient;

afterEach(async () => {
  client.close();
  await server.close();
});

async function start(answer: Answer, options: ConnectOptions = {}): Promise<void> {
  server = await scriptedServer(answer);
  client = connect({ socketPath: server.path, ...options });
}

const hash = new Uint8Array(32).fill(7);
const entry = { content_hash: hash, size: 3n, mtime: 4n, mode: 0o644, flags: 0 };

/** One of each request but RegisterWorkspace and Handshake, with a reply. */
const all: readonly (readonly [VeloRequest, VeloResponse])[] = [
  [{ type: "Status" }, { type: "StatusAck", status: "ready" }],
  [
    { type: "ManifestGet", path: "a" },
    { type: "ManifestAck", entry },
  ],
  [
    { type: "ManifestUpsert", path: "a", entry },
    { type: "ManifestAck", entry },
  ],
  [
    { type: "ManifestRemove", path: "a" },
    { type: "ManifestAck", entry: null },
  ],
  [
    { type: "ManifestRename", old_path: "a", new_path: "b" },
    { type: "ManifestAck", entry },
  ],
  [
    { type: "ManifestUpdateMtime", path: "a", mtime_ns: 5n },
    { type: "ManifestAck", entry },
  ],
  [
    { type: "ManifestReingest", vpath: "a", temp_path: "/t" },
    { type: "ManifestAck", entry },
  ],
  [
    { type: "ManifestListDir", path: "" },
    { type: "ManifestListAck", entries: [{ name: "a", is_dir: false }] },
  ],
  [{ type: "CasInsert", hash, size: 3n }, { type: "CasAck" }],
  [
    { type: "CasGet", hash },
    { type: "CasFound", size: 3n },
  ],
  [
    { type: "CasSweep", bloom_filter: hash },
    { type: "CasSweepAck", deleted_count: 1, reclaimed_bytes: 2n },
  ],
  [{ type: "FlockAcquire", path: "a", operation: 2 }, { type: "FlockAck" }],
  [{ type: "FlockRelease", path: "a" }, { type: "FlockAck" }],
  [
    { type: "Spawn", command: ["true"], env: [["PATH", "/bin"]], cwd: "/" },
    { type: "SpawnAck", pid: 4 },
  ],
  [{ type: "Protect", path: "a", immutable: true, owner: null }, { type: "ProtectAck" }],
];

/** Through the typed calls, so that each of them is seen to make the request above and to understand its reply. */
function callOf(request: VeloRequest): Promise<unknown> {
  switch (request.type) {
    case "Handshake":
      return client.request(request);
    case "RegisterWorkspace":
      return client.register(request.project_root);
    case "Status":
      return client.status();
    case "ManifestGet":
      return client.get(request.path);
    case "ManifestUpsert":
      return client.upsert(request.path, request.entry);
    case "ManifestRemove":
      return client.remove(request.path);
    case "ManifestRename":
      return client.rename(request.old_path, request.new_path);
    case "ManifestUpdateMtime":
      return client.updateMtime(request.path, request.mtime_ns);
    case "ManifestReingest":
      return client.reingest(request.vpath, request.temp_path);
    case "ManifestListDir":
      return client.list(request.path);
    case "CasInsert":
      return client.casInsert(request.hash, request.size);
    case "CasGet":
      return client.casSize(request.hash);
    case "CasSweep":
      return client.casSweep(request.bloom_filter);
    case "FlockAcquire":
      return client.flockAcquire(request.path, request.operation);
    case "FlockRelease":
      return client.flockRelease(request.path);
    case "Spawn":
      return client.spawn(request.command, Object.fromEntries(request.env), request.cwd);
    case "Protect":
      return client.protect(request.path, request.immutable, request.owner);
  }
}

test("every typed call makes its request and understands its reply", async () => {
  await start((message) => all.find(([request]) => request.type === message.type)?.[1]);
  const values = [];
  for (const [request] of all) values.push(await callOf(request));
  assert.deepEqual(
    server.got.slice(1).map(({ message }) => message),
    all.map(([request]) => request),
  );
  assert.deepEqual(
    new Set([...all.map(([request]) => request.type), "Handshake", "RegisterWorkspace"]),
    new Set(Object.keys(requests)),
  );
  const list = [{ name: "a", is_dir: false }];
  const sweep = { deletedCount: 1, reclaimedBytes: 2n };
  const none = undefined;
  assert.deepEqual(values, [
    "ready", entry, entry, none, entry, entry, entry, list, none, 3n, sweep, none, none, 4, none,
  ]); // prettier-ignore
});

test("a connection that breaks after every byte of a reply: reads come out right, all else is rejected, once sent", async () => {
  for (const [request, reply] of all) {
    const frame = replyFrame(reply);
    for (let length = 0; length < frame.length; length++) {
      let broken = false;
      await start((message, socket) => {
        if (message.type !== request.type) return undefined;
        if (broken) return reply;
        broken = true;
        socket.end(frame.subarray(0, length));
        return undefined;
      });
      const where = `${request.type}, ${length} bytes`;
      if (isRead(request.type))
        await client.request(request).then((got) => assert.deepEqual(got, reply, where));
      else
        await assert.rejects(
          client.request(request),
          { code: "ECONNRESET", message: /may or may not/ },
          where,
        );
      const arrived = server.got.filter(({ message }) => message.type === request.type).length;
      assert.equal(arrived, isRead(request.type) ? 2 : 1, where);
      assert.equal(client.pending.requests, 0);
      client.close();
      await server.close();
    }
  }
  await start(() => undefined);
});

test("a greeting that breaks after every byte is made again", async () => {
  const frame = replyFrame({ type: "HandshakeAck", server_version: "0.1.0" });
  for (let length = 0; length < frame.length; length++) {
    await start((message, socket, connection) => {
      if (message.type === "Status") return { type: "StatusAck", status: "ready" };
      if (connection > 0) return undefined;
      socket.end(frame.subarray(0, length));
      return Buffer.alloc(0);
    });
    assert.equal(await client.status(), "ready", `${length} bytes`);
    client.close();
    await server.close();
  }
  await start(() => undefined);
});

test("a daemon that ends on every greeting, or on every read, is given up", async () => {
  await start((_message, socket) => {
    socket.destroy();
    return undefined;
  });
  await assert.rejects(client.upsert("a", entry), { code: "ECONNRESET" });
  assert.equal(server.got.length, READ_ATTEMPTS_MAX);
  client.close();
  await server.close();

  await start((message, socket) => {
    if (message.type === "ManifestGet") socket.destroy();
    return undefined;
  });
  await assert.rejects(client.get("a"), { code: "ECONNRESET", message: /ManifestGet was not answered/ });
  assert.equal(server.got.filter(({ message }) => message.type === "ManifestGet").length, READ_ATTEMPTS_MAX);
});

test("a daemon that ends when it is to bind a connection again is given up; others ask on", async () => {
  await start((message, socket, connection) => {
    if (message.type === "ManifestRemove") socket.destroy();
    if (message.type === "RegisterWorkspace" && connection > 0) socket.destroy();
    return message.type === "Status" ? { type: "StatusAck", status: "ready" } : undefined;
  });
  await client.register("/p");
  await assert.rejects(client.remove("a"));
  await assert.rejects(client.get("a"), { code: "ECONNRESET" });
  assert.equal(
    server.got.filter(({ message }) => message.type === "RegisterWorkspace").length,
    1 + READ_ATTEMPTS_MAX,
  );
  assert.equal(await client.status(), "ready");
});

test("a workspace that is refused after a reconnect fails what needs it, and only that", async () => {
  await start((message, _socket, connection) => {
    if (message.type === "RegisterWorkspace" && connection > 0 && message.project_root === "/gone")
      return { type: "Error", message: "ENOENT: /gone is not there" };
    if (message.type === "ManifestGet") return { type: "ManifestAck", entry };
    return message.type === "Status" ? { type: "StatusAck", status: "ready" } : undefined;
  });
  await client.register("/gone");
  server.drop();
  const [get, status] = await Promise.allSettled([client.get("a"), client.status()]);
  assert.equal((get as PromiseRejectedResult).reason.code, "ENOENT"); // oxlint-disable-line
  assert.deepEqual(status, { status: "fulfilled", value: "ready" });
  await client.register("/other");
  assert.deepEqual(await client.get("a"), entry);
  assert.equal(server.connections.length, 1);
});

test("requests made behind a registration are never answered from another workspace", async () => {
  const bound = new Map<number, string>();
  await start((message, socket, connection) => {
    if (message.type === "RegisterWorkspace") {
      if (message.project_root === "/breaks") socket.destroy();
      if (message.project_root === "/refused") return { type: "Error", message: "ENOENT: no" };
      bound.set(connection, message.project_root);
    }
    if (message.type !== "ManifestListDir") return undefined;
    return { type: "ManifestListAck", entries: [{ name: bound.get(connection)!, is_dir: true }] };
  });
  const list = async (): Promise<string | undefined> => (await client.list(""))[0]?.name;
  await client.register("/a");
  for (const root of ["/breaks", "/refused"]) {
    const before = list();
    const registering = client.register(root);
    const behind = list();
    const status = client.upsert("x", entry);
    assert.equal(await before, "/a");
    await assert.rejects(registering);
    await assert.rejects(behind, { code: "ECONNRESET", message: /RegisterWorkspace/ });
    await assert.rejects(status, { code: "ECONNRESET", message: /was not sent/ });
    assert.equal(await list(), "/a");
  }
  const [, second] = await Promise.all([client.register("/b"), list()]);
  assert.equal(second, "/b");
  const registered = server.got.flatMap(({ message }) =>
    message.type === "RegisterWorkspace" ? [message.project_root] : [],
  );
  // `/a` again after the connection that `/breaks` broke; none of the others was repeated.
  assert.deepEqual(registered, ["/a", "/breaks", "/a", "/refused", "/b"]);
  server.drop();
  assert.equal(await list(), "/b");
  assert.equal(server.got.filter(({ message }) => message.type === "ManifestUpsert").length, 0);
});

test("a reply of every wrong type is an error of that request, and the connection goes on", async () => {
  const replies = all.map(([, reply]) => reply);
  for (const [request, right] of all) {
    const queue = replies.filter(
      ({ type }) =>
        type !== right.type && !(requests[request.type].replies as readonly string[]).includes(type),
    );
    const wrong = [...queue];
    await start((message) => (message.type === "Handshake" ? undefined : (wrong.shift() ?? right)));
    for (const { type } of queue)
      await assert.rejects(client.request(request), {
        code: "EPROTO",
        message: new RegExp(`answered with ${type}`),
      });
    assert.deepEqual(await client.request(request), right);
    assert.equal(server.connections.length, 1);
    client.close();
    await server.close();
  }
  await start(() => undefined);
});

test("replies in pieces of every size, and many in one piece", async () => {
  const frames = Buffer.concat(all.map(([, reply]) => replyFrame(reply)));
  for (const size of [1, 2, 3, 5, 7, 64, frames.length]) {
    let count = 0;
    await start((message, socket) => {
      if (message.type === "Handshake") return undefined;
      if (++count < all.length) return undefined;
      socket.setNoDelay(true);
      const send = (at: number): void => {
        if (at < frames.length)
          socket.write(frames.subarray(at, at + size), () => setImmediate(send, at + size));
      };
      send(0);
      return undefined;
    });
    const replies = await Promise.all(all.map(([request]) => client.request(request)));
    assert.deepEqual(replies, all.map(([, reply]) => reply), `pieces of ${size}`); // prettier-ignore
    client.close();
    await server.close();
  }
  await start(() => undefined);
});

test("a frame over the limit ends the connection; the next request makes another", async () => {
  let bad = true;
  await start((message) => {
    if (message.type === "Handshake") return undefined;
    if (!bad) return { type: "CasAck" };
    bad = false;
    return Buffer.from("ffffffff", "hex");
  });
  await assert.rejects(client.casInsert(hash, 3n), {
    code: "EMSGSIZE",
    message: /may or may not have been done/,
  });
  await client.casInsert(hash, 3n);
  assert.equal(server.got.at(-1)?.connection, 1);
});

test("what was not sent when the connection broke is sent on the next one, once", async () => {
  // The peer stops reading: the first writes fill the socket, and what is behind them never leaves this process.
  const big = new Uint8Array(512 * 1024);
  await start((message, socket, connection) => {
    if (connection === 0 && message.type === "Handshake") socket.pause();
    return message.type === "CasSweep"
      ? { type: "CasSweepAck", deleted_count: 0, reclaimed_bytes: 0n }
      : undefined;
  });
  const sweeps = Array.from({ length: 8 }, (_, i) => client.casSweep(big.fill(i).slice()));
  while (client.pending.requests < 8) await new Promise(setImmediate);
  // Bytes of the first have come, and lie there.
  while ((server.connections[0]?.readableLength ?? 0) === 0) await new Promise(setImmediate);
  server.drop();
  const results = await Promise.allSettled(sweeps);
  const rejected = results.filter(({ status }) => status === "rejected").length;
  assert.ok(rejected >= 1 && rejected < 8, `${rejected} rejected`);
  assert.ok(results.slice(rejected).every(({ status }) => status === "fulfilled"));
  const arrived = server.got.flatMap(({ message }) =>
    message.type === "CasSweep" ? [message.bloom_filter[0]] : [],
  );
  assert.equal(new Set(arrived).size, arrived.length, "none twice");
});

test("many reconnects leave nothing behind", async () => {
  let replies = 0;
  await start((message, socket) => {
    if (message.type !== "ManifestGet") return undefined;
    if (++replies % 2 === 0) setImmediate(() => socket.destroy());
    return { type: "ManifestAck", entry };
  });
  await client.register("/p");
  for (let i = 0; i < 300; i++) assert.deepEqual(await client.get(`${i}`), entry);
  assert.deepEqual(client.pending, { requests: 0, bytes: 0, waiting: 0 });
  const handles = process.getActiveResourcesInfo().filter((name) => name === "PipeWrap").length;
  assert.ok(handles < 12, `${handles} pipes are open`);
});

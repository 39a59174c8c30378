/** Requests that wait: for room, for a reply that does not come, for a daemon; and callers that give up. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { replyFrame, scriptedServer } from "../../test/scripted-server.js";
import type { Answer, ScriptedServer } from "../../test/scripted-server.js";
import { below, seededRandom } from "../../test/random-message.js";
import { PIPELINE_BYTES_MAX, PIPELINE_REQUESTS_MAX } from "../platform/limits.js";
import type { VeloRequest } from "../protocol/messages.js";
import { connect } from "./client.js";
import type { ConnectOptions, VriftClient } from "./client.js";
import type { ClientEvent } from "./events.js";

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

/** The path of a ManifestGet comes back as the size of its entry. */
const echo = (message: VeloRequest): ReturnType<Answer> =>
  message.type === "ManifestGet"
    ? {
        type: "ManifestAck",
        entry: { content_hash: new Uint8Array(32), size: BigInt(message.path), mtime: 0n, mode: 0, flags: 0 },
      }
    : undefined;

const gets = (): number => server.got.filter(({ message }) => message.type === "ManifestGet").length;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}

test("a bounded number of requests is under way; the rest wait and all are answered in order", async () => {
  let most = 0;
  await start((message) => {
    most = Math.max(most, client.pending.requests);
    return echo(message);
  });
  const order: number[] = [];
  const count = 20_000;
  const all = Array.from({ length: count }, async (_, i) => {
    const entry = await client.get(String(i));
    order.push(Number(entry?.size));
  });
  await new Promise(setImmediate);
  assert.ok(client.pending.waiting > 0);
  await Promise.all(all);
  assert.equal(most, PIPELINE_REQUESTS_MAX);
  assert.deepEqual(order, Array.from({ length: count }, (_, i) => i)); // prettier-ignore
  assert.deepEqual(client.pending, { requests: 0, bytes: 0, waiting: 0 });
});

test("a server that stops reading leaves a bounded number of bytes here, whoever aborts what", async () => {
  await start((message, socket) => {
    if (message.type === "Status") socket.pause();
    return message.type === "CasSweep"
      ? { type: "CasSweepAck", deleted_count: 1, reclaimed_bytes: 0n }
      : undefined;
  });
  const status = client.status();
  const controllers: AbortController[] = [];
  const filter = new Uint8Array(256 * 1024);
  const sweeps = Array.from({ length: 200 }, () => {
    const controller = new AbortController();
    controllers.push(controller);
    return client.casSweep(filter, { signal: controller.signal });
  });
  await until(() => client.pending.waiting > 0);
  assert.ok(client.pending.bytes <= PIPELINE_BYTES_MAX + filter.length + 100, `${client.pending.bytes}`);
  for (const controller of controllers) controller.abort(new Error("enough"));
  for (const result of await Promise.allSettled(sweeps)) {
    assert.equal(result.status, "rejected");
    assert.equal((result.reason as Error).message, "enough");
  }
  assert.equal(client.pending.waiting, 0);
  assert.ok(client.pending.bytes <= PIPELINE_BYTES_MAX + filter.length + 100);
  client.close();
  await assert.rejects(status, { code: "ECONNRESET" });
});

test("a request that is larger than all the room goes alone", async () => {
  await start((message) =>
    message.type === "CasSweep"
      ? { type: "CasSweepAck", deleted_count: message.bloom_filter.length, reclaimed_bytes: 0n }
      : undefined,
  );
  const sizes = [10, PIPELINE_BYTES_MAX + 1, 20];
  const replies = await Promise.all(sizes.map((size) => client.casSweep(new Uint8Array(size))));
  assert.deepEqual(replies.map(({ deletedCount }) => deletedCount), sizes); // prettier-ignore
});

test("an aborted request rejects at once with the reason; its reply is dropped and the connection goes on", async () => {
  const held: (() => void)[] = [];
  await start((message, socket) => {
    if (message.type === "Handshake") return undefined;
    const reply = echo(message) ?? { type: "StatusAck" as const, status: "ready" };
    held.push(() => socket.write(reply instanceof Uint8Array ? reply : replyFrame(reply)));
    return undefined;
  });
  const controller = new AbortController();
  const status = client.status({ signal: controller.signal });
  const behind = client.get("5");
  await until(() => held.length === 2);
  controller.abort(new Error("no longer"));
  await assert.rejects(status, { message: "no longer" });
  assert.equal(client.pending.requests, 2, "it keeps its place until its reply comes");
  for (const reply of held) reply();
  assert.equal((await behind)?.size, 5n);
  assert.equal(server.connections.length, 1);
  assert.equal(client.pending.requests, 0);
  await assert.rejects(client.get("1", { signal: AbortSignal.abort(new Error("before")) }), {
    message: "before",
  });
  assert.equal(gets(), 1);
});

test("one signal may stand behind any number of requests", async () => {
  await start((message) => (message.type === "Status" ? undefined : echo(message)));
  const warnings: Error[] = [];
  const note = (warning: Error): unknown => warnings.push(warning);
  process.on("warning", note);
  const controller = new AbortController();
  const { signal } = controller;
  assert.equal((await client.get("1", { signal }))?.size, 1n);
  const all = Array.from({ length: 2000 }, () => client.status({ signal }));
  setImmediate(() => controller.abort(new Error("all of you")));
  for (const result of await Promise.allSettled(all))
    assert.equal((result as { reason?: Error }).reason?.message, "all of you");
  await new Promise(setImmediate);
  process.off("warning", note);
  assert.deepEqual(warnings, []);
});

test("a request aborted while the client connects is not sent", async () => {
  let greet: (() => void) | undefined;
  await start((message, socket) => {
    if (message.type !== "Handshake") return echo(message);
    greet = () => socket.write(Buffer.from("1100000000000000" + "0500000000000000" + "302e312e30", "hex"));
    return Buffer.alloc(0);
  });
  const controller = new AbortController();
  const first = client.get("1", { signal: controller.signal });
  const second = client.get("2");
  await until(() => greet !== undefined);
  controller.abort(new Error("changed my mind"));
  await assert.rejects(first, { message: "changed my mind" });
  greet!();
  assert.equal((await second)?.size, 2n);
  assert.equal(gets(), 1);
});

test("a storm of aborts: every reply reaches its own request", async () => {
  const seed = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 2 ** 31);
  const random = seededRandom(seed);
  await start((message, socket) => {
    const reply = echo(message);
    if (reply !== undefined && random() < 0.001) setImmediate(() => socket.destroy());
    return reply;
  });
  let aborted = 0;
  const all = Array.from({ length: 5000 }, async (_, i) => {
    const controller = new AbortController();
    const fate = below(random, 4);
    if (fate === 0) process.nextTick(() => controller.abort(new Error("storm")));
    if (fate === 1) setImmediate(() => controller.abort(new Error("storm")));
    if (fate === 2) setTimeout(() => controller.abort(new Error("storm")), below(random, 20));
    try {
      const entry = await client.get(String(i), { signal: controller.signal });
      assert.equal(entry?.size, BigInt(i), `seed ${seed}`);
    } catch (error) {
      if ((error as Error).message === "storm") aborted++;
      // A connection that breaks three times under one read.
      else assert.equal((error as { code?: string }).code, "ECONNRESET", `seed ${seed}`);
    }
  });
  await Promise.all(all);
  assert.ok(aborted > 1000, `seed ${seed}: ${aborted} aborted`);
  assert.equal((await client.get("77"))?.size, 77n);
  await until(() => client.pending.requests === 0);
});

test("a deadline for each request, or for all of a client, rejects with ETIMEDOUT and says what became of it", async () => {
  await start((message) => (message.type === "Status" ? undefined : echo(message)), {
    requestTimeoutMs: 1000,
  });
  await client.get("1");
  await assert.rejects(client.status(), {
    code: "ETIMEDOUT",
    message: /^Status took more than 1000 ms and may or may not have been done$/,
  });
  await assert.rejects(client.status({ timeoutMs: 10 }), { code: "ETIMEDOUT", message: /more than 10 ms/ });
  // Its reply would have come first; that of the next request is not taken for it.
  server.drop();
  assert.equal((await client.get("2"))?.size, 2n);
  const nobody = connect({ socketPath: `${server.path}.none`, waitForDaemon: true });
  await assert.rejects(nobody.status({ timeoutMs: 10 }), { code: "ETIMEDOUT", message: /was not sent$/ });
  nobody.close();
});

test("nobody there: at once, or waited for until the timeout; a daemon that comes meanwhile is found", async () => {
  await start(echo);
  const { path } = server;
  await server.close();
  const nobody = connect({ socketPath: path });
  const before = performance.now();
  await assert.rejects(nobody.get("1"), { code: "ECONNREFUSED" });
  assert.ok(performance.now() - before < 3000, "the timeout is 5 seconds");
  const short = connect({ socketPath: path, waitForDaemon: true, timeoutMs: 60 });
  await assert.rejects(short.get("1"), {
    code: "ETIMEDOUT",
    message: /connecting to .* took more than 60 ms/,
  });
  const patient = connect({ socketPath: path, waitForDaemon: true });
  const get = patient.get("3");
  await new Promise((resolve) => setTimeout(resolve, 50));
  server = await scriptedServer(echo, path);
  assert.equal((await get)?.size, 3n);
  for (const one of [nobody, short, patient]) one.close();
});

test("a daemon that is being replaced is waited for; one that does not come back is not, for long", async () => {
  const events: ClientEvent["type"][] = [];
  await start(echo, { onEvent: ({ type }) => events.push(type) });
  const { path } = server;
  await client.get("1");
  await server.close();
  const get = client.get("2");
  await new Promise((resolve) => setTimeout(resolve, 50));
  const successor = await scriptedServer(echo, path);
  assert.equal((await get)?.size, 2n);
  assert.deepEqual(events, ["connected", "disconnected", "connected"]);
  await successor.close();
  const before = performance.now();
  await assert.rejects(client.get("3"), { code: "ECONNREFUSED" });
  const took = performance.now() - before;
  assert.ok(took > 100 && took < 4000, `${took} ms`);
  await start(echo);
});

/** One connection under random chunks, answers that come when they like, peers that do not read, and hand-overs. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { setImmediate as immediate, setTimeout as wait } from "node:timers/promises";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { below, seededRandom } from "../../test/random-message.js";
import { testServer } from "../../test/wire-server.js";
import { FRAME_MAX, REPLIES_UNREAD_MAX, REQUESTS_AHEAD_MAX } from "../platform/limits.js";
import { FrameReader, encodeFrame } from "../protocol/frame.js";
import { Connection } from "./connection.js";
import type { Protocol } from "./connection.js";

const seed = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);

/** Both ends of a connection; the server's one is nobody's yet. */
async function pair(t: TestContext): Promise<{ server: Socket; client: Socket }> {
  let accepted: (socket: Socket) => void = () => undefined;
  const arrived = new Promise<Socket>((resolve) => (accepted = resolve));
  const listening = await testServer((socket) => accepted(socket), { allowHalfOpen: true });
  const client = connect({ path: listening.path });
  client.on("error", () => undefined);
  t.after(async () => {
    client.destroy();
    await listening.close();
  });
  return { server: await arrived, client };
}

/** The answer to a payload is `answer:` and the payload, so a lost, doubled or misplaced one shows. */
function replyTo(payload: Buffer): Buffer {
  return encodeFrame(Buffer.concat([Buffer.from("answer:"), payload]));
}

interface Served {
  readonly protocol: Protocol<Buffer>;
  readonly seen: string[];
  most: number;
  ended: number;
}

/** @param later how the reply to a payload is given. */
function serving(inFlight: number | undefined, later: (reply: Buffer) => Buffer | Promise<Buffer>): Served {
  let underWay = 0;
  const served: Served = {
    seen: [],
    most: 0,
    ended: 0,
    protocol: {
      reader: new FrameReader(),
      ...(inFlight === undefined ? {} : { inFlight }),
      answer: (payload) => {
        served.seen.push(payload.toString());
        const reply = later(replyTo(payload));
        if (!(reply instanceof Promise)) return reply;
        served.most = Math.max(served.most, ++underWay);
        return reply.finally(() => (underWay -= 1));
      },
      refuse: () => encodeFrame(Buffer.from("refused")),
      ended: () => {
        assert.equal(underWay, 0, "something is still being answered");
        served.ended += 1;
      },
    },
  };
  return served;
}

/** Replies without `answer:`, until `count` are there or the connection ends. */
async function replies(client: Socket, count = Infinity): Promise<string[]> {
  const reader = new FrameReader();
  const got: string[] = [];
  let done: () => void = () => undefined;
  const all = new Promise<void>((resolve) => (done = resolve));
  const take = (chunk: Buffer): void => {
    reader.push(chunk);
    for (let reply = reader.next(); reply !== undefined; reply = reader.next())
      got.push(reply.toString().replace("answer:", ""));
    if (got.length >= count) done();
  };
  client.on("data", take).once("end", done).once("close", done);
  client.resume();
  await all;
  client.off("data", take).off("end", done).off("close", done);
  client.pause();
  return got;
}

function numbered(count: number, random: () => number): string[] {
  return Array.from(
    { length: count },
    (_, n) => `${n}:${"x".repeat(below(random, n % 50 === 0 ? 20_000 : 60))}`,
  );
}

function framed(payloads: readonly string[]): Buffer {
  return Buffer.concat(payloads.map((payload) => encodeFrame(Buffer.from(payload))));
}

/** Now, in a microtask, an immediate or a few milliseconds. */
function whenever(random: () => number): (reply: Buffer) => Buffer | Promise<Buffer> {
  return (reply) => {
    const kind = below(random, 40);
    if (kind < 20) return reply;
    if (kind < 33) return Promise.resolve(reply);
    return kind < 39 ? immediate(reply) : wait(below(random, 4), reply);
  };
}

async function sendInPieces(client: Socket, bytes: Buffer, random: () => number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const most = [3, 100, 5_000, 200_000][below(random, 4)]!;
    const end = Math.min(bytes.length, at + 1 + below(random, most));
    client.write(bytes.subarray(at, end));
    at = end;
    if (below(random, 3) === 0) await immediate();
  }
}

for (const inFlight of [undefined, 2, 7, 64]) {
  test(`any chunks, answers at any time, ${inFlight ?? 1} in flight: every reply in order (VRIFT_TEST_SEED=${seed})`, async (t) => {
    const random = seededRandom(seed + (inFlight ?? 1));
    const { server, client } = await pair(t);
    const served = serving(inFlight, whenever(random));
    const ran = new Connection(server, served.protocol).run();
    const payloads = numbered(2000, random);
    const got = replies(client, payloads.length);
    await sendInPieces(client, framed(payloads), random);
    assert.deepEqual(await got, payloads);
    assert.deepEqual(served.seen, payloads);
    assert.ok(served.most <= (inFlight ?? 1), `${served.most} at a time`);
    if (inFlight !== undefined) assert.ok(served.most > 1, "never more than one at a time");
    client.end();
    await ran;
    assert.equal(served.ended, 1);
  });
}

test("replies that are ready together are written together", async (t) => {
  const { server, client } = await pair(t);
  let writes = 0;
  const write = server.write.bind(server) as (bytes: Buffer) => boolean;
  server.write = ((bytes: Buffer) => {
    writes += 1;
    return write(bytes);
  }) as typeof server.write;
  void new Connection(server, serving(undefined, (reply) => reply).protocol).run();
  const payloads = Array.from({ length: 200 }, (_, n) => `${n}`);
  client.write(framed(payloads));
  assert.deepEqual(await replies(client, payloads.length), payloads);
  assert.ok(writes < 20, `${writes} writes for 200 replies`);
});

test("a peer that does not read is not read from, and loses nothing when it does", async (t) => {
  const { server, client } = await pair(t);
  const big = "y".repeat(4000);
  const served = serving(undefined, (reply) => reply);
  const { reader } = served.protocol;
  void new Connection(server, served.protocol).run();
  const payloads = Array.from({ length: 3000 }, (_, n) => `${n}:${big}`);
  client.write(framed(payloads));
  // Quiet: neither side gets anything done for several rounds of the event loop.
  for (let seen = -1, quiet = 0; quiet < 50; quiet = seen === served.seen.length ? quiet + 1 : 0) {
    seen = served.seen.length;
    await wait(2);
  }
  assert.ok(served.seen.length < payloads.length, "everything was answered though nobody reads");
  assert.ok(server.writableLength < 3 * REPLIES_UNREAD_MAX, `${server.writableLength} bytes wait to be read`);
  const ahead = reader.buffered + server.readableLength;
  assert.ok(ahead < 4 * REQUESTS_AHEAD_MAX, `${ahead} bytes of requests were read`);
  assert.deepEqual(await replies(client, payloads.length), payloads);
});

test("replies held back by an earlier one are bounded", async (t) => {
  const { server, client } = await pair(t);
  let release: () => void = () => undefined;
  const first = new Promise<void>((resolve) => (release = resolve));
  const large = Buffer.alloc(100_000, 1);
  let asked = 0;
  const protocol: Protocol<Buffer> = {
    ...serving(1000, (reply) => reply).protocol,
    answer: () => (asked++ === 0 ? first.then(() => encodeFrame(large)) : encodeFrame(large)),
  };
  void new Connection(server, protocol).run();
  client.write(framed(Array.from({ length: 200 }, () => "")));
  for (let seen = -1, quiet = 0; quiet < 20; quiet = seen === asked ? quiet + 1 : 0) {
    seen = asked;
    await wait(2);
  }
  assert.ok(asked < 20, `${asked} replies of 100,000 bytes were made`);
  const got = replies(client, 200);
  release();
  assert.equal((await got).length, 200);
});

test("requests that are being answered are bounded by their bytes, too", async (t) => {
  const { server, client } = await pair(t);
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const served = serving(1000, (reply) => released.then(() => reply.subarray(0, 4 + 64)));
  const connection = new Connection(server, { ...served.protocol, sizeOf: (payload) => payload.length });
  const run = connection.run();
  const request = encodeFrame(Buffer.alloc(256 * 1024, "x"));
  for (let i = 0; i < 64; i++) client.write(request);
  for (let looked = 0; looked < 100 && served.most < 5; looked++) await wait(10);
  await wait(50);
  assert.equal(served.most, 5, "1 MiB, and the one that goes over it");
  assert.ok(client.writableLength > 40 * request.length, "the peer is not read from");
  client.resume();
  release();
  for (let looked = 0; looked < 1000 && served.seen.length < 64; looked++) await wait(10);
  assert.equal(served.seen.length, 64);
  client.destroy();
  await run;
});

test("many that send thousands ahead, and one that sends a byte at a time, do not hold up another", async (t) => {
  const serve = async (): Promise<{ client: Socket; seen: readonly string[] }> => {
    const served = serving(undefined, (reply) => reply);
    const { server, client } = await pair(t);
    void new Connection(server, served.protocol).run();
    return { client, seen: served.seen };
  };
  const each = 20_000;
  const crowd = await Promise.all(Array.from({ length: 8 }, serve));
  const answered = (): number => crowd.reduce((sum, { seen }) => sum + seen.length, 0);
  const slow = await serve();
  const mine = await serve();
  for (const { client } of crowd) {
    client.resume();
    client.write(framed(Array.from({ length: each }, (_, n) => `${n}`)));
  }
  slow.client.write(framed(["slow"]).subarray(0, 1));
  await Promise.all(crowd.map(({ client }) => once(client, "data")));
  const before = answered();
  for (let round = 0; round < 5; round++) {
    mine.client.write(framed(["me"]));
    assert.deepEqual(await replies(mine.client, 1), ["me"]);
  }
  const meanwhile = answered() - before;
  assert.ok(meanwhile < 5000, `${meanwhile} others were answered before five of mine`);
  slow.client.write(framed(["slow"]).subarray(1));
  assert.deepEqual(await replies(slow.client, 1), ["slow"]);
});

test(`given away at any moment: nothing lost, nothing doubled (VRIFT_TEST_SEED=${seed})`, async (t) => {
  const random = seededRandom(seed);
  for (let round = 0; round < 12; round++) {
    const { server, client } = await pair(t);
    const inFlight = [1, 3, 16][round % 3]!;
    const payloads = numbered(600, random);
    const got = replies(client, payloads.length);
    const sent = sendInPieces(client, framed(payloads), random);
    const seen: string[] = [];
    let socket = server;
    let initial: Buffer | undefined;
    let handedOver = 0;
    while (seen.length < payloads.length) {
      const served = serving(inFlight, whenever(random));
      const connection = new Connection(socket, served.protocol, initial && { initial });
      const ran = connection.run();
      const until = below(random, 12);
      for (let turn = 0; turn < until; turn++) await immediate();
      ({ socket, rest: initial } = await connection.detach());
      assert.equal(socket.writableLength, 0, "a reply is not with the kernel");
      assert.equal(served.ended, 1);
      await ran;
      connection.destroy();
      connection.stop();
      seen.push(...served.seen);
      handedOver += 1;
      // What comes while it is nobody's stays in the kernel.
      for (let turn = below(random, 4); turn > 0; turn--) await immediate();
      assert.equal(socket.readableLength, 0);
    }
    await sent;
    assert.deepEqual(await got, payloads);
    assert.deepEqual(seen, payloads);
    assert.ok(handedOver > 1);
  }
});

test("a connection that has ended is not given away", async (t) => {
  const { server, client } = await pair(t);
  const connection = new Connection(server, serving(undefined, (reply) => wait(5, reply)).protocol);
  const ran = connection.run();
  client.write(framed(["a"]));
  await once(server, "data");
  const detached = assert.rejects(connection.detach(), { code: "ECONNRESET" });
  client.destroy();
  server.destroy();
  await detached;
  await ran;
  await assert.rejects(connection.detach(), { code: "ECONNRESET" });
});

test("stop answers what has arrived, in the kernel too, and closes", async (t) => {
  for (const inFlight of [1, 8]) {
    const { server, client } = await pair(t);
    const served = serving(inFlight, (reply) => immediate(reply));
    const connection = new Connection(server, served.protocol);
    const ran = connection.run();
    const payloads = Array.from({ length: 500 }, (_, n) => `${n}`);
    const got = replies(client);
    await new Promise((resolve) => client.write(framed(payloads), resolve));
    connection.stop();
    await ran;
    assert.deepEqual(await got, payloads);
    assert.equal(served.ended, 1);
  }
});

test("what cannot be followed is refused after the replies before it, and the connection ends", async (t) => {
  const { server, client } = await pair(t);
  const served = serving(4, (reply) => immediate(reply));
  const ran = new Connection(server, served.protocol).run();
  const header = Buffer.alloc(4);
  header.writeUInt32LE(FRAME_MAX + 1);
  const got = replies(client);
  client.write(Buffer.concat([framed(["a", "b", "c"]), header]));
  assert.deepEqual(await got, ["a", "b", "c", "refused"]);
  await ran;
  assert.equal(served.ended, 1);
});

test("a peer that half-closes gets all its replies; a connection ends only when nothing is being answered", async (t) => {
  const { server, client } = await pair(t);
  const served = serving(3, (reply) => wait(2, reply));
  const ran = new Connection(server, served.protocol).run();
  const payloads = ["a", "b", "c", "d", "e", "f", "g"];
  const got = replies(client);
  client.end(framed(payloads));
  assert.deepEqual(await got, payloads);
  await ran;

  const gone = await pair(t);
  const abandoned = serving(2, (reply) => wait(20, reply));
  const over = new Connection(gone.server, abandoned.protocol).run();
  gone.client.write(framed(["a", "b", "c"]));
  await once(gone.server, "data");
  gone.server.destroy();
  await over;
  assert.deepEqual(abandoned.seen, ["a", "b"]);
  assert.equal(abandoned.ended, 1);
});

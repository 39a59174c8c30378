/** A model of what a daemon did: whatever breaks, no change is ever done twice, and what was acknowledged was done. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { replyFrame, scriptedServer } from "../../test/scripted-server.js";
import { below, seededRandom } from "../../test/random-message.js";
import { connect } from "./client.js";

test("no request is done twice, and every answer is its own, whatever breaks where", async () => {
  const seed = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 2 ** 31);
  const random = seededRandom(seed);
  const done = new Map<string, number>();
  /** What the tree under each root has, as the server knows it. */
  const bound = new Map<number, string>();
  const server = await scriptedServer((message, socket, connection) => {
    const fate = below(random, 60);
    if (fate === 0) {
      socket.destroy();
      return Buffer.alloc(0);
    }
    if (message.type === "RegisterWorkspace") bound.set(connection, message.project_root);
    if (message.type !== "ManifestRemove" && message.type !== "ManifestGet") return undefined;
    if (message.type === "ManifestRemove") done.set(message.path, (done.get(message.path) ?? 0) + 1);
    const size = BigInt(bound.get(connection) === "/p" ? Number(message.path) : -1 >>> 0);
    const frame = replyFrame({
      type: "ManifestAck",
      entry: { content_hash: new Uint8Array(32), size, mtime: 0n, mode: 0, flags: 0 },
    });
    if (fate === 1) {
      socket.end(frame.subarray(0, below(random, frame.length)));
      return Buffer.alloc(0);
    }
    if (fate === 2) setImmediate(() => socket.destroy());
    return frame;
  });
  const client = connect({ socketPath: server.path });
  const outcome = new Map<string, "done" | "unknown" | "not sent">();
  let answers = 0;
  try {
    for (let attempt = 0; attempt < 50; attempt++) {
      if (await client.register("/p").then(() => true, () => false)) break; // prettier-ignore
    }
    let number = 0;
    for (let round = 0; round < 60; round++) {
      const calls = Array.from({ length: below(random, 100) }, async () => {
        const path = String(number++);
        if (random() < 0.5) {
          const entry = await client.get(path).catch(() => undefined);
          if (entry !== undefined) assert.equal(entry?.size, BigInt(path), `seed ${seed}`);
          answers += Number(entry !== undefined);
          return;
        }
        try {
          await client.remove(path);
          outcome.set(path, "done");
        } catch (error) {
          outcome.set(path, /was not sent/.test((error as Error).message) ? "not sent" : "unknown");
        }
      });
      await Promise.all(calls);
    }
  } finally {
    client.close();
    await server.close();
  }
  for (const [path, what] of outcome) {
    const times = done.get(path) ?? 0;
    assert.ok(times <= 1, `seed ${seed}: ${path} was done ${times} times`);
    if (what === "done") assert.equal(times, 1, `seed ${seed}: ${path}`);
    if (what === "not sent") assert.equal(times, 0, `seed ${seed}: ${path}`);
  }
  const counts = [...outcome.values()].filter((what) => what === "done").length;
  assert.ok(counts > 100 && answers > 100, `seed ${seed}: ${counts} changes and ${answers} answers`);
});

/** Real daemons that are killed and followed by others, under a client that goes on reading and changing. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { DaemonFixture, killed } from "../../test/daemon-fixture.js";
import { VriftError } from "../platform/errors.js";
import type { VnodeEntry } from "../protocol/messages.js";
import { connect } from "./client.js";
import type { VriftClient } from "./client.js";
import { connectProject } from "./connect-project.js";

const KILLS = 4;
const t = new DaemonFixture();
const clients: VriftClient[] = [];
after(async () => {
  for (const client of clients) client.close();
  await t.close();
});

test("no read fails while one daemon follows another, and what was acknowledged is there", async () => {
  writeFileSync(join(t.root, "a"), "12345");
  let daemon = await t.start();
  clients.push(
    connect({ socketPath: t.home.daemonSocket, waitForDaemon: true, timeoutMs: 60_000 }),
    connectProject(t.root, { env: t.env, waitForDaemon: true, timeoutMs: 60_000 }),
  );
  await clients[0]!.register(t.root);
  const entry = await clients[0]!.get("a");
  assert.ok(entry);
  const state = { done: false, reads: [0, 0], changes: 0 };
  // Of each: one that is killed again before it has answered somebody's read is a third connection lost for it.
  const progress = async (): Promise<void> => {
    const before = [...state.reads];
    while (state.reads.some((reads, which) => reads < before[which]! + 20))
      await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const acknowledged = new Set<string>();
  const work = clients.map(async (client, which) => {
    for (let i = 0; !state.done; i++) {
      const path = `${which}-${i % 50}`;
      const directory: VnodeEntry = {
        ...entry,
        content_hash: new Uint8Array(32),
        size: 0n,
        flags: 1,
        mode: 0o755,
      };
      const [change, got]: readonly [PromiseSettledResult<unknown>, PromiseSettledResult<unknown>] =
        await Promise.allSettled([client.upsert(path, directory), client.get("a")]);
      assert.deepEqual(got, { status: "fulfilled", value: entry });
      state.reads[which]!++;
      if (change.status === "fulfilled") {
        acknowledged.add(path);
        state.changes++;
        continue;
      }
      const error = change.reason as unknown;
      assert.ok(error instanceof VriftError && error.code === "ECONNRESET", String(error));
      assert.match(error.message, /^ManifestUpsert was not answered and may or may not have been done/);
    }
  });
  for (let i = 0; i < KILLS; i++) {
    await progress();
    await killed(daemon);
    daemon = await t.start();
  }
  await progress();
  state.done = true;
  await Promise.all(work);
  assert.ok(state.changes > 100, `${state.changes} changes`);
  for (const path of acknowledged) assert.equal((await clients[0]!.get(path))?.flags, 1, path);
});

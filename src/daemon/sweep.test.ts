/** CasSweep over the wire, and what a connection's claims are worth beside it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, test } from "node:test";
import { DaemonFixture, RawConnection, killed } from "../../test/daemon-fixture.js";
import { connectProjectControl } from "../client/control-client.js";
import { buildSweepFilter } from "../client/index.js";
import { workspacePaths } from "../platform/paths.js";
import type { VeloResponse } from "../protocol/messages.js";
import { silentLog } from "../platform/log.js";
import { ownerOf } from "../workspace/owner-lock.js";
import { tidyProjects } from "./tidy-projects.js";
import { openStore } from "../store/content-store.js";
import type { BlobId, ContentStore } from "../store/store.js";

let t: DaemonFixture;
let store: ContentStore;

async function start(
  env: NodeJS.ProcessEnv = { VRIFT_SWEEP_GRACE_SECONDS: "0" },
): ReturnType<DaemonFixture["start"]> {
  t = new DaemonFixture(env);
  const daemon = await t.start();
  store = await openStore(t.home.source);
  return daemon;
}

afterEach(async () => {
  store.close();
  await t.close();
});

async function put(...texts: string[]): Promise<BlobId[]> {
  const lease = store.lease();
  const ids: BlobId[] = [];
  for (const text of texts) {
    const { hash, size } = await store.importBytes(Buffer.from(text), lease);
    ids.push({ hash: new Uint8Array(hash), size });
  }
  lease.release();
  return ids;
}

const isThere = (id: BlobId): boolean => existsSync(store.blobPath(id));
const sweep = (filter: readonly Uint8Array[] = []) =>
  ({ type: "CasSweep", bloom_filter: buildSweepFilter(filter, 4096) }) as const;
const swept = (deleted_count: number, reclaimed_bytes: bigint): VeloResponse => ({
  type: "CasSweepAck",
  deleted_count,
  reclaimed_bytes,
});

/** A lease ends when the daemon has seen the connection go. */
async function untilNoLease(): Promise<void> {
  for (let i = 0; i < 1000 && readdirSync(join(store.path, "leases")).length > 0; i++) await wait(10);
  assert.deepEqual(readdirSync(join(store.path, "leases")), []);
}

test("filter, claim and entry keep content; a claim ends with its connection", async () => {
  await start();
  const [filtered, claimed, entered, garbage] = (await put("filtered", "claimed", "entered", "rubbish")) as [
    BlobId,
    BlobId,
    BlobId,
    BlobId,
  ];
  const raw = await t.raw();
  const other = await t.raw();
  await other.call({ type: "RegisterWorkspace", project_root: t.root });
  for (const { hash, size } of [claimed, entered])
    assert.deepEqual(await raw.call({ type: "CasInsert", hash, size }), { type: "CasAck" });
  const entry = { content_hash: entered.hash, size: entered.size, mtime: 1n, mode: 0o644, flags: 0 };
  const ack = await other.call({ type: "ManifestUpsert", path: "a", entry });
  assert.equal(ack?.type, "ManifestAck");

  assert.deepEqual(await other.call(sweep([filtered.hash])), swept(1, 7n));
  assert.deepEqual(await other.call({ type: "CasGet", hash: garbage.hash }), { type: "CasNotFound" });
  assert.deepEqual(await other.call({ type: "CasGet", hash: claimed.hash }), { type: "CasFound", size: 7n });
  raw.close();
  await untilNoLease();
  assert.deepEqual(await other.call(sweep()), swept(2, 15n));
  assert.ok(isThere(entered) && !isThere(claimed) && !isThere(filtered));
});

test("a claim ends with the daemon that was killed; what was acknowledged as an entry stays", async () => {
  const daemon = await start();
  const [claimed, entered] = (await put("claimed", "entered")) as [BlobId, BlobId];
  const client = await t.raw();
  await client.call({ type: "RegisterWorkspace", project_root: t.root });
  for (const { hash, size } of [claimed, entered]) await client.call({ type: "CasInsert", hash, size });
  const entry = { content_hash: entered.hash, size: entered.size, mtime: 1n, mode: 0o644, flags: 0 };
  await client.call({ type: "ManifestUpsert", path: "a", entry });
  assert.deepEqual(await client.call(sweep()), swept(0, 0n));
  await killed(daemon);
  await t.start();
  const raw = await t.raw();
  assert.deepEqual(await raw.call(sweep()), swept(1, 7n));
  assert.ok(isThere(entered) && !isThere(claimed));
});

test("swept content comes back within the grace period, which is not 0 by itself", async () => {
  await start({});
  const [id] = (await put("content")) as [BlobId];
  const raw = await t.raw();
  assert.deepEqual(await raw.call(sweep()), swept(0, 0n));
  assert.ok(!isThere(id));
  assert.deepEqual(await raw.call({ type: "CasInsert", ...id }), { type: "CasAck" });
  assert.ok(isThere(id));
  assert.deepEqual(await raw.call(sweep()), swept(0, 0n));
  assert.ok(isThere(id));
});

test("others are answered while a sweep runs", async () => {
  await start();
  await put(...Array.from({ length: 4000 }, (_, i) => `content ${i}`));
  const [sweeper, other] = [await t.raw(), await t.raw()];
  let done = false;
  const sweeping = sweeper.call(sweep()).then((reply) => {
    done = true;
    return reply;
  });
  let answered = 0;
  while (!done) {
    assert.equal((await other.call({ type: "Status" }))?.type, "StatusAck");
    if (!done) answered++;
  }
  const reply = await sweeping;
  assert.ok(reply?.type === "CasSweepAck" && reply.deleted_count === 4000);
  assert.ok(answered > 5, `${answered} answers`);
});

test("what an entry has let go is freed by the next sweep, of every open project, on either socket", async () => {
  await start();
  const other = join(t.directory, "other");
  mkdirSync(other);
  const [raw, second] = [await t.raw(), await t.raw()];
  await raw.call({ type: "RegisterWorkspace", project_root: t.root });
  await second.call({ type: "RegisterWorkspace", project_root: other });
  const replace = async (connection: RawConnection, text: string): Promise<BlobId> => {
    const [id] = (await put(text)) as [BlobId];
    const entry = { content_hash: id.hash, size: id.size, mtime: 1n, mode: 0o644, flags: 0 };
    const ack = await connection.call({ type: "ManifestUpsert", path: "a", entry });
    assert.equal(ack?.type, "ManifestAck");
    return id;
  };
  for (const connection of [raw, second]) await replace(connection, "one");
  const two = await replace(raw, "two!");
  assert.deepEqual(await raw.call(sweep()), swept(0, 0n), "the other project has it still");
  await replace(second, "three");
  assert.deepEqual(await raw.call(sweep()), swept(1, 3n));
  assert.ok(isThere(two));

  const id = await t.client().register(t.root);
  const stream = connectSocket({ path: workspacePaths(t.home, id).socket });
  await once(stream, "connect");
  const direct = new RawConnection(stream);
  const four = await replace(second, "four");
  assert.deepEqual(await direct.call(sweep()), swept(1, 5n));
  assert.ok(isThere(two) && isThere(four));
  direct.close();
});

test("a project that does not answer keeps its list as it is, and the sweep goes on", async () => {
  await start();
  const id = await t.client().register(t.root);
  const pid = ownerOf(workspacePaths(t.home, id).lock)!;
  process.kill(pid, "SIGSTOP");
  const said: string[] = [];
  const log = {
    ...silentLog,
    warn: (text: string, fields?: object) => said.push(`${text} ${JSON.stringify(fields)}`),
  };
  await tidyProjects(t.home, log, 100);
  process.kill(pid, "SIGCONT");
  assert.equal(said.length, 1);
  assert.match(said[0]!, /as they are.*does not answer in time/);
});

test("an unreadable list: an error, and everything is still there", async () => {
  await start();
  const [id] = (await put("content")) as [BlobId];
  mkdirSync(join(store.path, "roots", "broken"));
  const reply = await (await t.raw()).call(sweep());
  assert.ok(reply?.type === "Error" && reply.message.startsWith("VRIFT_DAMAGED: "));
  assert.ok(isThere(id));
});

test("a store of another user is not swept", { skip: process.getuid?.() !== 0 && "not root" }, async () => {
  await start();
  const [id] = (await put("content")) as [BlobId];
  chownSync(store.path, 12345, 12345);
  const reply = await (await t.raw()).call(sweep());
  assert.ok(reply?.type === "Error" && /^EACCES: the store .* belongs to uid 12345/.test(reply.message));
  assert.ok(isThere(id));
});

test("claims go with their connection when the project is handed over, at every moment of it", async () => {
  await start();
  const id = await t.client().register(t.root);
  const { socket, control } = workspacePaths(t.home, id);
  const stream = connectSocket({ path: socket });
  await once(stream, "connect");
  const direct = new RawConnection(stream);
  const claimed = await put(...Array.from({ length: 300 }, (_, n) => `claimed ${n}`));
  for (const { hash, size } of claimed)
    assert.deepEqual(await direct.call({ type: "CasInsert", hash, size }), { type: "CasAck" });
  const sweeper = await t.raw();
  for (let round = 0; round < 2; round++) {
    const line = await connectProjectControl(control);
    let done = false;
    const handedOver = line.call("handOver", {}).finally(() => (done = true));
    while (!done) assert.deepEqual(await sweeper.call(sweep()), swept(0, 0n));
    await handedOver;
    line.close();
    assert.deepEqual(await sweeper.call(sweep()), swept(0, 0n), `after hand-over ${round}`);
  }
  assert.ok(claimed.every(isThere));
  const [first] = claimed as [BlobId];
  const entry = { content_hash: first.hash, size: first.size, mtime: 1n, mode: 0o644, flags: 0 };
  assert.equal((await direct.call({ type: "ManifestUpsert", path: "a", entry }))?.type, "ManifestAck");
  // And they end with it, as they did before.
  direct.close();
  await untilNoLease();
  const { deletedCount } = await store.sweep({ has: () => false }, { graceMs: 0 });
  assert.equal(deletedCount, 299);
});

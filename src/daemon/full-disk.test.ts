/** A project whose database cannot be written any more, and then can: who is connected to it notices refusals and nothing else. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { test } from "node:test";
import { DaemonFixture, RawConnection } from "../../test/daemon-fixture.js";
import { connectProjectControl } from "../client/control-client.js";
import { EMPTY_HASH } from "../platform/hash.js";
import { workspacePaths } from "../platform/paths.js";
import type { VeloResponse } from "../protocol/messages.js";
import { ownerOf } from "../workspace/owner-lock.js";

const preload = new URL("no-room.fixture.js", import.meta.url).href;
const FILES = 300;

test("LMDB fails: changes are refused with the reason, reads go on, and with room again another process goes on", async (t) => {
  const fixture = new DaemonFixture({ NODE_OPTIONS: `--import=${preload}` });
  t.after(() => fixture.close());
  const flag = join(fixture.directory, "no-room");
  fixture.env["VRIFT_TEST_NO_ROOM"] = flag;
  await fixture.start();
  const { workspace } = await (await fixture.control()).call("open", { root: fixture.root, phantom: true });
  const { id } = workspace;
  const { socket, control, lock, log } = workspacePaths(fixture.home, id);
  const stream = connectSocket({ path: socket });
  await once(stream, "connect");
  const raw = new RawConnection(stream);
  const through = await fixture.raw();
  await through.call({ type: "RegisterWorkspace", project_root: fixture.root });

  const acknowledged: string[] = [];
  const upsert = async (connection: RawConnection, path: string): Promise<VeloResponse> => {
    const content_hash = new Uint8Array(EMPTY_HASH);
    const entry = { content_hash, size: 0n, mtime: 1_700_000_000_000_000_000n, mode: 0o644, flags: 0 };
    const reply = await connection.call({ type: "ManifestUpsert", path, entry });
    assert.ok(reply !== undefined, "the connection stays");
    if (reply.type === "ManifestAck") acknowledged.push(path);
    return reply;
  };
  for (let i = 0; i < FILES; i++) await upsert(raw, `f${i}`);
  const line = await connectProjectControl(control);
  await line.call("sync", { durable: true });
  line.close();
  const first = ownerOf(lock)!;

  writeFileSync(flag, "");
  /** Until the reply is of that type; refusals say why. */
  const until = async (connection: RawConnection, wanted: VeloResponse["type"]): Promise<void> => {
    for (let i = 0; i < 3000; i++) {
      const reply = await upsert(connection, `e${acknowledged.length}`);
      if (reply.type === "Error") assert.match(reply.message, /^EFBIG: /);
      if (reply.type === wanted) return;
      await wait(10);
    }
    assert.fail(`no ${wanted}`);
  };
  await until(raw, "Error");
  await until(through, "Error");
  assert.equal(ownerOf(lock), first);
  for (const connection of [raw, through]) {
    const found = await connection.call({ type: "ManifestGet", path: acknowledged.at(-1)! });
    assert.ok(found?.type === "ManifestAck" && found.entry !== null);
    const listed = await connection.call({ type: "ManifestListDir", path: "" });
    assert.ok(listed?.type === "ManifestListAck" && listed.entries.length === acknowledged.length);
  }

  spawnSync("prlimit", ["--pid", String(first), "--fsize=unlimited:"]);
  await until(raw, "ManifestAck");
  await until(through, "ManifestAck");
  assert.notEqual(ownerOf(lock), first);
  const listed = await raw.call({ type: "ManifestListDir", path: "" });
  assert.ok(listed?.type === "ManifestListAck");
  assert.deepEqual(listed.entries.map(({ name }) => name).sort(), [...acknowledged].sort());
  assert.match(readFileSync(log, "utf8"), /handed over/);
  raw.close();
});

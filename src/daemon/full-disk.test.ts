/**
 * A project whose database cannot be written any more, and then can. LMDB's own failure may damage its process (docs/store.md), so
 * that a connection may end here; what must hold is that nothing acknowledged is lost, and that it goes on by itself.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { test } from "node:test";
import { DaemonFixture } from "../../test/daemon-fixture.js";
import { connectProjectControl } from "../client/control-client.js";
import { VriftError } from "../platform/errors.js";
import { EMPTY_HASH } from "../platform/hash.js";
import { workspacePaths } from "../platform/paths.js";
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
  const { control, lock, log } = workspacePaths(fixture.home, workspace.id);
  const client = fixture.client();
  await client.register(fixture.root);

  const acknowledged: string[] = [];
  const content_hash = new Uint8Array(EMPTY_HASH);
  const entry = { content_hash, size: 0n, mtime: 1_700_000_000_000_000_000n, mode: 0o644, flags: 0 };
  /** The code of a refusal; undefined when it was acknowledged. */
  const upsert = async (path: string): Promise<string | undefined> => {
    try {
      await client.upsert(path, entry);
      acknowledged.push(path);
      return undefined;
    } catch (error) {
      assert.ok(error instanceof VriftError, String(error));
      return error.code;
    }
  };
  for (let i = 0; i < FILES; i++) assert.equal(await upsert(`f${i}`), undefined);
  const line = await connectProjectControl(control);
  await line.call("sync", { durable: true });
  line.close();
  const first = ownerOf(lock)!;

  writeFileSync(flag, "");
  /** Until a change is refused (or none is), or the process has ended by itself. */
  const until = async (isOver: (code: string | undefined) => boolean): Promise<void> => {
    for (let i = 0; i < 3000; i++) {
      const code = await upsert(`e${i} ${acknowledged.length}`);
      assert.ok(code === undefined || code === "EFBIG" || code === "ECONNRESET", code);
      if (isOver(code)) return;
      await wait(10);
    }
    assert.fail("in time");
  };
  await until((code) => code !== undefined);
  assert.ok((await client.get("f7")) !== null, "reads go on");
  spawnSync("prlimit", ["--pid", String(first), "--fsize=unlimited:"]);
  await until((code) => code === undefined && ownerOf(lock) !== first);
  const listed = new Set((await client.list("")).map(({ name }) => name));
  assert.deepEqual(
    acknowledged.filter((name) => !listed.has(name)),
    [],
  );
  t.diagnostic(
    /handed over/.test(readFileSync(log, "utf8")) ? "handed over" : "the process had ended by itself",
  );
});

/** Clients of a vriftd that has handed over, when what it handed over to is gone. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { DaemonFixture, exitCode } from "../../test/daemon-fixture.js";
import type { VriftError } from "../platform/errors.js";
import { workspacePaths } from "../platform/paths.js";
import { ownerOf } from "../workspace/owner-lock.js";
import { killNamed } from "../platform/process-state.js";

const directory = { content_hash: new Uint8Array(32), size: 0n, mtime: 1n, mode: 0o755, flags: 1 };
let t: DaemonFixture;

beforeEach(() => {
  t = new DaemonFixture({ VRIFT_IDLE_SECONDS: "600" });
});

afterEach(async () => {
  await t.close();
});

async function draining() {
  const old = await t.start();
  writeFileSync(join(t.root, "f"), "content");
  const client = t.client();
  const id = await client.register(t.root);
  await client.upsert("d", directory);
  const raw = await t.raw();
  await raw.call({ type: "RegisterWorkspace", project_root: t.root });
  const control = await t.control();
  const { pid } = await control.call("restart", {});
  control.close();
  return { client, raw, id, pid, old };
}

for (const order of ["vriftd first", "project first"] as const) {
  test(
    `both are killed, ${order}: requests end, and are served when there is another vriftd`,
    { timeout: 60_000 },
    async () => {
      const { client, raw, id, pid } = await draining();
      const project = ownerOf(workspacePaths(t.home, id).lock)!;
      const kills = [() => killNamed(pid, "vriftd"), () => killNamed(project, "vdir_d")];
      for (const kill of order === "vriftd first" ? kills : kills.reverse()) await kill();
      const begin = Date.now();
      const said = await Promise.allSettled([
        client.get("f"),
        client.upsert("e", directory),
        ...Array.from({ length: 20 }, () => client.list("")),
        raw.call({ type: "ManifestUpsert", path: "g", entry: directory }),
      ]);
      // One wait for all of them, and not one after the other.
      assert.ok(Date.now() - begin < 10_000, `${Date.now() - begin} ms`);
      for (const one of said.slice(0, -1)) {
        const code = one.status === "rejected" ? (one.reason as VriftError).code : "answered";
        assert.match(code, /^ECONN(RESET|REFUSED)$/);
      }
      const last = said.at(-1)!;
      // The connection has ended, with an error when there was something to read yet.
      assert.equal(last.status === "fulfilled" ? last.value : undefined, undefined);
      await t.start();
      assert.deepEqual((await client.list("")).map(({ name }) => name), ["d", "f"]); // prettier-ignore
    },
  );
}

test(
  "one that comes in time serves who was handed over, and the old one ends in order on SIGTERM",
  { timeout: 60_000 },
  async () => {
    const { client, raw, id, pid, old } = await draining();
    const project = ownerOf(workspacePaths(t.home, id).lock)!;
    await Promise.all([killNamed(pid, "vriftd"), killNamed(project, "vdir_d")]);
    await t.start();
    assert.deepEqual((await client.list("")).length, 2);
    await client.upsert("e", directory);
    old.kill("SIGTERM");
    assert.equal(await exitCode(old), 0);
    assert.equal(await raw.reply(), undefined);
    assert.deepEqual((await client.list("")).length, 3);
  },
);

/** Without vriftd a client starts the project's process itself. */
import assert from "node:assert/strict";
import { cpSync, renameSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { DaemonFixture, killed } from "../../test/daemon-fixture.js";
import { endProjects, projectOwners } from "../../test/end-projects.js";
import { connectProject } from "./connect-project.js";

const directory = { content_hash: new Uint8Array(32), size: 0n, mtime: 1n, mode: 0o755, flags: 1 };

test("vriftd is gone: a client has its project, and one of a copy is not served by the original", async () => {
  const t = new DaemonFixture({ VRIFT_IDLE_SECONDS: "600" });
  const copy = join(t.directory, "copy");
  const one = connectProject(t.root, { env: t.env });
  const other = connectProject(copy, { env: t.env });
  try {
    const daemon = await t.start();
    await (await t.control()).call("open", { root: t.root, phantom: true });
    await killed(daemon);
    await one.upsert("d", directory);
    assert.equal(projectOwners(t.home.root).length, 1);
    cpSync(t.root, copy, { recursive: true });
    await assert.rejects(other.upsert("e", directory), {
      code: "VRIFT_NO_DAEMON",
      message: /copied or moved/,
    });
    assert.deepEqual(await one.list(""), [{ name: "d", is_dir: true }]);
  } finally {
    one.close();
    other.close();
    await t.close();
  }
});

test("a project that was moved is not opened by whoever starts a process, but by vriftd, and from then on by anybody", async () => {
  const t = new DaemonFixture({ VRIFT_IDLE_SECONDS: "600" });
  const moved = join(t.directory, "moved");
  const clients = [connectProject(moved, { env: t.env }), connectProject(moved, { env: t.env })] as const;
  try {
    let daemon = await t.start();
    await (await t.control()).call("open", { root: t.root, phantom: true });
    await killed(daemon);
    await endProjects(t.home.root);
    renameSync(t.root, moved);
    await assert.rejects(clients[0].upsert("d", directory), {
      code: "VRIFT_NO_DAEMON",
      message: /moved, which only vriftd can sort out/,
    });
    assert.deepEqual(projectOwners(t.home.root), []);
    daemon = await t.start();
    await clients[0].upsert("d", directory);
    await killed(daemon);
    await endProjects(t.home.root);
    assert.deepEqual(await clients[1].list(""), [{ name: "d", is_dir: true }]);
  } finally {
    for (const client of clients) client.close();
    await t.close();
  }
});

test("many clients without vriftd start one process, also when it is killed meanwhile; a vriftd that comes later adopts it", async () => {
  const t = new DaemonFixture({ VRIFT_IDLE_SECONDS: "600" });
  const clients = Array.from({ length: 6 }, () => connectProject(t.root, { env: t.env }));
  try {
    const lists = Promise.all(clients.map((client) => client.list("")));
    let first: number[] = [];
    while (first.length === 0) {
      await wait(5);
      first = await endProjects(t.home.root);
    }
    assert.deepEqual(await lists, clients.map(() => [])); // prettier-ignore
    const [pid, ...others] = projectOwners(t.home.root);
    assert.deepEqual(others, []);
    await t.start();
    const control = await t.control();
    // It has never opened the project.
    for (;;) {
      const { workspaces } = await control.call("status", {});
      if (workspaces[0]?.process?.pid === pid) break;
      await wait(10);
    }
  } finally {
    for (const client of clients) client.close();
    await t.close();
  }
});

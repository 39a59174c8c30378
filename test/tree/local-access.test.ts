/** Without vriftd: what a command does itself, and what it leaves to a project's own process that lives. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "../../src/client/client.js";
import { controlAccess } from "../../src/tree/control-access.js";
import { openLocalAccess } from "../../src/tree/local-access.js";
import { phantom } from "../../src/tree/phantom.js";
import { hydrate, solid } from "../../src/tree/solid.js";
import { noProgress } from "../../src/tree/progress.js";
import { silentLog } from "../../src/platform/log.js";
import { workspacePaths } from "../../src/platform/paths.js";
import { openStore } from "../../src/store/content-store.js";
import { ownerOf } from "../../src/workspace/owner-lock.js";
import { DaemonFixture, killed } from "../daemon-fixture.js";

test("a project whose process outlives vriftd is brought back through that process", async () => {
  const t = new DaemonFixture({ VRIFT_IDLE_SECONDS: "600" });
  const store = await openStore(t.home.source);
  try {
    for (const name of ["a", "b"]) writeFileSync(join(t.root, name), `content of ${name}`);
    const daemon = await t.start();
    const context = { home: t.home, store, progress: noProgress };
    const through = controlAccess(await t.control());
    const { workspace } = await phantom(t.root, { ...context, access: through }, { yes: true });
    await killed(daemon);
    const { lock, socket } = workspacePaths(t.home, workspace.id);
    const pid = ownerOf(lock);
    assert.notEqual(pid, undefined);
    const client = connect({ socketPath: socket });

    const some = openLocalAccess(t.home, store, silentLog);
    await hydrate(t.root, { ...context, access: some }, ["a"]);
    await some.close();
    assert.equal(readFileSync(join(t.root, "a"), "utf8"), "content of a");
    assert.equal(ownerOf(lock), pid, "it goes on");
    assert.equal((await client.get("b"))?.size, 12n);

    const all = openLocalAccess(t.home, store, silentLog);
    await solid(t.root, { ...context, access: all });
    await all.close();
    assert.equal(readFileSync(join(t.root, "b"), "utf8"), "content of b");
    assert.equal(ownerOf(lock), undefined);
    client.close();
  } finally {
    store.close();
    await t.close();
  }
});

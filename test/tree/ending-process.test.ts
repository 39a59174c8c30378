/** The process of a project ends while a command works on the project: the command does not notice. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { controlAccess } from "../../src/tree/control-access.js";
import { workspacePaths } from "../../src/platform/paths.js";
import { processState } from "../../src/platform/process-state.js";
import { ownerOf } from "../../src/workspace/owner-lock.js";
import { DaemonFixture } from "../daemon-fixture.js";

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  test(`${signal} between two requests and during one`, async () => {
    const t = new DaemonFixture({ VRIFT_IDLE_SECONDS: "600" });
    try {
      for (let i = 0; i < 50; i++) writeFileSync(join(t.root, `f${i}`), "content");
      await t.start();
      const access = controlAccess(await t.control());
      const { id } = await access.open(t.root, { phantom: true });
      const { lock } = workspacePaths(t.home, id);
      for (let round = 0; round < 3; round++) {
        const asked = round < 2 ? access.sync(t.root) : undefined;
        const pid = ownerOf(lock)!;
        process.kill(pid, signal);
        await asked;
        assert.deepEqual(await access.entries(t.root, "", 10), []);
        // It may have answered before it has heard the signal.
        while (processState(pid) !== undefined) await wait(5);
        assert.deepEqual(await access.entries(t.root, "", 10), []);
      }
      await access.close();
    } finally {
      await t.close();
    }
  });
}

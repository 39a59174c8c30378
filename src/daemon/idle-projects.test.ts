/** Projects' processes that nobody needs: when they end, in which order, and that nobody misses them. docs/processes.md */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { DaemonFixture } from "../../test/daemon-fixture.js";
import { projectOwners } from "../../test/end-projects.js";
import { connect } from "../client/client.js";
import { connectProject } from "../client/connect-project.js";
import { connectProjectControl } from "../client/control-client.js";
import { VriftError } from "../platform/errors.js";
import { workspacePaths } from "../platform/paths.js";
import { openStore } from "../store/content-store.js";
import { ownerOf } from "../workspace/owner-lock.js";

const directory = { content_hash: new Uint8Array(32), size: 0n, mtime: 1n, mode: 0o755, flags: 1 };

async function until(look: () => boolean, ms = 30_000): Promise<void> {
  for (const deadline = Date.now() + ms; !look(); await wait(10)) assert.ok(Date.now() < deadline, "in time");
}

async function withDaemon(env: NodeJS.ProcessEnv, work: (t: DaemonFixture) => Promise<void>): Promise<void> {
  const t = new DaemonFixture(env);
  try {
    await t.start();
    await work(t);
  } finally {
    await t.close();
  }
}

function project(t: DaemonFixture, name: string): string {
  const root = join(t.directory, name);
  mkdirSync(root);
  return root;
}

function owner(t: DaemonFixture, id: string): number | undefined {
  return ownerOf(workspacePaths(t.home, id).lock);
}

const log = (t: DaemonFixture): string => readFileSync(t.home.daemonLog, "utf8");

describe("projects' processes that nobody needs", { concurrency: true }, () => {
  test("of more than may run, the longest idle ones end; when all are in use, that is said", async () => {
    await withDaemon({ VRIFT_PROJECT_PROCESSES: "2" }, async (t) => {
      const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => project(t, name)) as [
        string,
        string,
        string,
        string,
      ];
      const client = t.client();
      const idA = await client.register(a);
      await client.upsert("kept", directory);
      const visitor = t.client();
      const idB = await visitor.register(b);
      visitor.close();
      // Bound to vriftd and silent: that needs no process. A connection to the project's own socket does.
      const direct = connect({ socketPath: workspacePaths(t.home, idB).socket });
      await direct.status();
      const other = t.client();
      const again = t.client();
      await again.register(a);
      await other.status();
      // `client` has a connection to its project, because it has changed something.
      await assert.rejects(other.register(c), { code: "EBUSY", message: /^2 projects .*project_processes/ });
      client.close();
      const idC = await registered(other, c);
      assert.equal(owner(t, idA), undefined);
      assert.notEqual(owner(t, idB), undefined);
      assert.notEqual(owner(t, idC), undefined);
      direct.close();
      // The one that was silent all the time has its project again; the longest idle of the others is that of b.
      assert.deepEqual(await settled(() => again.list("")), [{ name: "kept", is_dir: true }]);
      await other.register(d);
      assert.ok(projectOwners(t.home.root).length <= 2);
      assert.doesNotMatch(log(t), / (warn|error) /);
    });
  });

  test("an end in order is no death: it is started again at once, as often as it ends", async () => {
    await withDaemon({ VRIFT_IDLE_SECONDS: "1" }, async (t) => {
      for (let round = 0; round < 3; round++) {
        const client = t.client();
        const id = await client.register(t.root);
        assert.notEqual(owner(t, id), undefined);
        client.close();
        await until(() => owner(t, id) === undefined);
      }
      // vriftd hears of the last one a moment after the lock is free.
      const ends = (): number => log(t).match(/a project's process has ended in order/g)?.length ?? 0;
      await until(() => ends() === 3);
      assert.doesNotMatch(log(t), / (warn|error) /);
    });
  });

  test("who is bound and says nothing keeps no process, and loses nothing when it ends", async () => {
    await withDaemon({ VRIFT_IDLE_SECONDS: "1", VRIFT_SWEEP_GRACE_SECONDS: "0" }, async (t) => {
      const raw = await t.raw();
      await raw.call({ type: "RegisterWorkspace", project_root: t.root });
      await raw.call({ type: "ManifestUpsert", path: "d", entry: directory });
      const store = await openStore(t.home.source);
      const lease = store.lease();
      const { hash, size } = await store.importBytes(Buffer.from("claimed"), lease);
      const claimed = new Uint8Array(hash);
      assert.equal((await raw.call({ type: "CasInsert", hash: claimed, size }))?.type, "CasAck");
      lease.release();
      store.close();
      await until(() => projectOwners(t.home.root).length === 0);
      // What it had claimed before is protected still.
      await t.client().casSweep(new Uint8Array(0));
      const entry = { content_hash: claimed, size, mtime: 1n, mode: 0o644, flags: 0 };
      const reply = await raw.call({ type: "ManifestUpsert", path: "d/f", entry });
      assert.ok(reply?.type === "ManifestAck" && reply.entry?.size === size, JSON.stringify(reply?.type));
      assert.doesNotMatch(log(t), / (warn|error) /);
    });
  });

  test("who reads all the time keeps it, also where vriftd answers by itself", async () => {
    await withDaemon({ VRIFT_IDLE_SECONDS: "3" }, async (t) => {
      const control = await t.control();
      const { workspace } = await control.call("open", { root: t.root, phantom: true });
      const client = t.client();
      await client.register(t.root);
      const pid = owner(t, workspace.id);
      for (const end = Date.now() + 5000; Date.now() < end; await wait(20)) await client.get("absent");
      assert.equal(owner(t, workspace.id), pid);
      assert.notEqual(pid, undefined);
    });
  });

  test("nobody is left out by one that ends: not a request fails, however often it does", async () => {
    await withDaemon({}, async (t) => {
      writeFileSync(join(t.root, "file"), "content");
      const id = await t.client().register(t.root);
      const { control } = workspacePaths(t.home, id);
      let running = true;
      let requests = 0;
      const visits = async (open: () => ReturnType<typeof connect>, name: string): Promise<void> => {
        while (running) {
          const client = open();
          await client.upsert(`${name}${requests++}`, directory);
          assert.equal((await client.get("file"))?.size, 7n);
          client.close();
          await wait(requests % 40);
        }
      };
      const through = (): ReturnType<typeof connect> => {
        const client = connect({ socketPath: t.home.daemonSocket });
        void client.register(t.root);
        return client;
      };
      const work = Promise.all([
        visits(through, "t"),
        visits(through, "u"),
        visits(() => connectProject(t.root, { env: t.env }), "p"),
      ]);
      let ended = 0;
      for (const end = Date.now() + 5000; Date.now() < end && ended < 10;) {
        const before = requests;
        try {
          const line = await connectProjectControl(control);
          const { retired } = await line.call("retire", {});
          line.close();
          if (!retired) continue;
          ended++;
          await until(() => requests > before + 2);
        } catch (error) {
          assert.ok(error instanceof VriftError && error.code.startsWith("ECONN"), String(error));
          await wait(5);
        }
      }
      running = false;
      await work;
      assert.ok(ended > 0, `${ended} ends, ${requests} requests`);
    });
  });
});

/** The connection of a client that has just closed is there until vriftd has read that. */
async function settled<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof VriftError) || error.code !== "EBUSY" || attempt > 500) throw error;
      await wait(10);
    }
  }
}

function registered(client: ReturnType<typeof connect>, root: string): Promise<string> {
  return settled(() => client.register(root));
}

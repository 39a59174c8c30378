/**
 * kill -9 right before each change that the rewriting of roots makes, with a sweep right after it: what an entry names is there,
 * and at the latest when the roots are rewritten again nothing else is. The table is in docs/store.md, "Roots".
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { hashFromHex } from "../../src/platform/hash.js";
import { silentLog } from "../../src/platform/log.js";
import { resolveHome } from "../../src/platform/paths.js";
import { openStore } from "../../src/store/content-store.js";
import type { BlobId, ContentStore } from "../../src/store/store.js";
import { localProjects } from "../../src/workspace/local-project.js";
import type { ProjectWorkspace } from "../../src/workspace/project-workspace.js";
import { Registry } from "../../src/workspace/registry.js";
import { Random } from "../store/random.js";
import { makeSceneDirectory } from "./killed-procedures.js";

const child = fileURLToPath(new URL("./killed-child.js", import.meta.url));
/** `all`: before every change, one after the other. */
const ROUNDS = process.env["VRIFT_KILL_ROUNDS"] ?? "3";
const SEED = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);
const NAMES = ["a", "b", "d/c"];

async function within<T>(
  directory: string,
  work: (workspace: ProjectWorkspace, store: ContentStore) => Promise<T>,
): Promise<T> {
  const home = resolveHome({ VRIFT_HOME: join(directory, "home") });
  const store = await openStore(home.source, { graceMs: 0 });
  const registry = new Registry(home, store, silentLog, localProjects({ home, store, log: silentLog }));
  try {
    return await work(await registry.open(join(directory, "project"), true), store);
  } finally {
    await registry.close();
    store.close();
  }
}

/** Each name has had another content before; nothing is leased. */
async function makeScene(): Promise<string> {
  const directory = makeSceneDirectory(tmpdir());
  await within(directory, async (workspace, store) => {
    const lease = store.lease();
    for (const round of ["old", "new"]) {
      for (const name of NAMES) {
        const { hash, size } = await store.importBytes(Buffer.from(`${round} ${name}`), lease);
        const content_hash = new Uint8Array(hash);
        await workspace.upsert(name, { content_hash, size, mtime: 1n, mode: 0o644, flags: 0 });
      }
    }
    lease.release();
  });
  return directory;
}

async function sweepNow(store: ContentStore): Promise<void> {
  await store.sweep({ has: () => false });
}

/** Nobody has the project open: as a sweep that another project's process runs. */
async function sweepAlone(directory: string): Promise<void> {
  const store = await openStore(join(directory, "home", "the_source"), { graceMs: 0 });
  await sweepNow(store);
  store.close();
}

async function assertWhole(directory: string, what: string): Promise<void> {
  await sweepAlone(directory);
  await within(directory, async (workspace, store) => {
    const check = async (): Promise<void> => {
      const entries = [...workspace.virtualEntries()];
      assert.deepEqual(
        entries.map(({ path }) => path),
        NAMES,
        what,
      );
      for (const { path, hash, size } of entries) {
        const id: BlobId = { hash: hashFromHex(hash)!, size: BigInt(size) };
        assert.equal((await store.readBlob(id)).toString(), `new ${path}`, what);
      }
    };
    await check();
    await workspace.tidyRoots();
    await sweepNow(store);
    await check();
    assert.equal((await store.usage()).blobs, NAMES.length, what);
    const lists = readdirSync(join(store.path, "roots"));
    assert.deepEqual(lists, [workspace.info.id], what);
  });
}

/** The changes it makes; null when it was killed. */
function tidyKilled(at: number, directory: string): number | null {
  const args = [child, String(at), directory, "rewriting the roots"];
  const result = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.equal(result.signal, "SIGKILL", result.stderr);
  return result.stdout === "" ? null : Number(result.stdout);
}

test("rewriting the roots", { timeout: 300_000 }, async (t) => {
  const whole = await makeScene();
  const changes = tidyKilled(Infinity, whole);
  assert.ok(changes !== null && changes >= 6, `${changes} changes`);
  await sweepAlone(whole);
  const files = readdirSync(join(whole, "home", "the_source", "blake3"), {
    recursive: true,
    encoding: "utf8",
  });
  assert.equal(files.filter((name) => name.endsWith(".bin")).length, NAMES.length, "the old content is gone");
  await assertWhole(whole, "not killed");
  rmSync(whole, { recursive: true });
  const random = new Random(SEED);
  const points =
    ROUNDS === "all"
      ? Array.from({ length: changes }, (_, i) => i + 1)
      : Array.from({ length: Number(ROUNDS) }, () => 1 + random.below(changes));
  t.diagnostic(`${changes} changes, killed before ${points.join(" ")} (VRIFT_TEST_SEED=${SEED})`);
  for (const at of points) {
    const directory = await makeScene();
    assert.equal(tidyKilled(at, directory), null, `before change ${at}`);
    await assertWhole(directory, `killed before change ${at}`);
    rmSync(directory, { recursive: true });
  }
});

/** Without a daemon the real files answer, with the daemon's own words, and only where they know. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DaemonFixture, killed } from "../../test/daemon-fixture.js";
import { testServer } from "../../test/wire-server.js";
import { VriftError } from "../platform/errors.js";
import { connect } from "./client.js";
import type { VriftClient } from "./client.js";
import { connectProject } from "./connect-project.js";
import type { ClientEvent } from "./events.js";

let t: DaemonFixture;

before(() => {
  t = new DaemonFixture();
  mkdirSync(join(t.root, "src/empty"), { recursive: true });
  writeFileSync(join(t.root, "src/main.rs"), "fn main() {}\n");
  writeFileSync(join(t.root, "big"), Buffer.alloc(3_000_001, "x"));
  writeFileSync(join(t.root, "none"), "");
  writeFileSync(join(t.root, "é\ufffd🙂"), "names");
  writeFileSync(join(t.root, ".env"), "SECRET=1");
  mkdirSync(join(t.root, "node_modules/.bin"), { recursive: true });
  symlinkSync("../src/main.rs", join(t.root, "src/link"));
  symlinkSync("src", join(t.root, "to-directory"));
  symlinkSync("nowhere", join(t.root, "dangling"));
  chmodSync(join(t.root, "none"), 0o4751);
  utimesSync(join(t.root, "none"), -5, -5);
  spawnSync("mkfifo", [join(t.root, "fifo")]);
});

after(() => t.close());

const paths = [
  "", "src", "/src/", "src/main.rs", "./src/../src/main.rs", "src/empty", "src/link", "to-directory", "to-directory/main.rs",
  "to-directory/none", "dangling", "big", "none", "none/below", "é\ufffd🙂", ".env", "fifo", "absent", "absent/below", "node_modules",
  ".vrift", ".vrift/workspace", "..", "../x", "a\0b", "x".repeat(300), "y/".repeat(3000),
]; // prettier-ignore

async function outcome(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    assert.ok(error instanceof VriftError);
    return `${error.code}: ${error.message}`;
  }
}

async function answers(client: VriftClient): Promise<unknown[]> {
  const id = await client.register(t.root);
  const all = [];
  for (const path of paths)
    all.push([path, await outcome(client.get(path)), await outcome(client.list(path))]);
  return [id, ...all];
}

test("real files answer as the daemon does", async () => {
  const events: ClientEvent[] = [];
  const alone = connect({
    socketPath: t.home.daemonSocket,
    onUnavailable: "real-fs",
    onEvent: (event) => events.push(event),
  });
  const without = await answers(alone);
  await new Promise(setImmediate);
  const told = events.filter(({ type }) => type === "fallback");
  assert.equal(told.length, 1 + without.filter((one) => Array.isArray(one) && typeof one[1] !== "string").length + without.filter((one) => Array.isArray(one) && typeof one[2] !== "string").length); // prettier-ignore
  assert.ok(told.every((event) => event.type === "fallback" && event.error.code === "ECONNREFUSED" && event.root === realpathSync(t.root))); // prettier-ignore

  const daemon = await t.start();
  assert.deepEqual(without, await answers(t.client()));

  // The same client, now with a daemon, is bound to what it had registered without one.
  await alone.upsert("made", (await alone.get("none"))!).catch((error: VriftError) => assert.notEqual(error.code, "ECONNREFUSED")); // prettier-ignore
  assert.ok(events.some(({ type }) => type === "connected"));
  const entry = await alone.get("src/main.rs");
  await killed(daemon);
  assert.deepEqual(await alone.get("src/main.rs"), entry);
  await assert.rejects(alone.remove("src/main.rs"), { code: "ECONNREFUSED" });
  await assert.rejects(alone.status(), { code: "ECONNREFUSED" });
  await assert.rejects(alone.register(join(t.root, "absent")), { code: "ENOENT" });
  await assert.rejects(alone.register(join(t.root, "none")), { code: "ENOTDIR" });
  alone.close();

  const strict = connect({ socketPath: t.home.daemonSocket });
  await assert.rejects(strict.register(t.root), { code: "ECONNREFUSED" });
  strict.close();
  const unbound = connect({ socketPath: t.home.daemonSocket, onUnavailable: "real-fs" });
  await assert.rejects(unbound.get("src"), { code: "ECONNREFUSED" });
  unbound.close();
});

test("a daemon that is frozen is waited for once, not by every request", async () => {
  const root = join(t.directory, "frozen");
  mkdirSync(root);
  const server = await testServer(() => undefined);
  const client = connect({ socketPath: server.path, timeoutMs: 300, onUnavailable: "real-fs" });
  try {
    const start = performance.now();
    await client.register(root);
    for (let i = 0; i < 20; i++) assert.deepEqual(await client.list(""), []);
    await assert.rejects(client.status(), { code: "ETIMEDOUT" });
    assert.ok(performance.now() - start < 5000, "20 waits would be 6 seconds");
    assert.equal(server.connections.length, 1);
  } finally {
    client.close();
    await server.close();
  }
});

test("of a phantom tree the files say what is there, and nothing of what is not", async () => {
  const root = join(t.directory, "phantom");
  mkdirSync(join(root, ".vrift"), { recursive: true });
  const { dev, ino } = lstatSync(root);
  writeFileSync(join(root, ".vrift/workspace"), `id ${"a1".repeat(16)}\ndevice ${dev}\ninode ${ino}\n`, {
    mode: 0o600,
  });
  writeFileSync(join(root, "physical"), "x");
  const client = connectProject(root, { env: t.env, onUnavailable: "real-fs", startProject: false });
  try {
    assert.equal(await client.register(root), "a1".repeat(16));
    assert.equal((await client.get("physical"))?.size, 1n);
    await assert.rejects(client.get("virtual"), { code: "ECONNREFUSED", message: /only the daemon knows/ });
    await assert.rejects(client.list(""), { code: "ECONNREFUSED", message: /only the daemon knows/ });
  } finally {
    client.close();
    rmSync(root, { recursive: true });
  }
});

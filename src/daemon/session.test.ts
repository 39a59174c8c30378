/** The specified protocol over a real socket: what is served, what is refused, and what a hostile peer gets. */
import assert from "node:assert/strict";
import { chownSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { after, before, test } from "node:test";
import { connectProjectControl } from "../client/control-client.js";
import { DaemonFixture } from "../../test/daemon-fixture.js";
import { EMPTY_HASH, hashToHex } from "../platform/hash.js";
import { FRAME_MAX } from "../platform/limits.js";
import { workspacePaths } from "../platform/paths.js";
import { encodeRequest } from "../protocol/encode.js";
import { encodeFrame } from "../protocol/frame.js";
import type { VeloRequest, VeloResponse } from "../protocol/messages.js";
import { openStore } from "../store/content-store.js";
import type { ContentStore } from "../store/store.js";

let t: DaemonFixture;
let store: ContentStore;

before(async () => {
  t = new DaemonFixture();
  await t.start();
  store = await openStore(t.home.source);
});

after(async () => {
  store.close();
  await t.close();
});

const entry = { content_hash: new Uint8Array(32), size: 1n, mtime: 1n, mode: 0o644, flags: 0 };

function errorOf(response: VeloResponse | undefined): string {
  assert.equal(response?.type, "Error");
  return response.type === "Error" ? response.message : "";
}

test("the specification's two examples", async () => {
  const raw = await t.raw();
  assert.deepEqual(await raw.call({ type: "Handshake", client_version: "0.1.0" }), {
    type: "HandshakeAck",
    server_version: "0.1.0",
  });
  const status = await raw.call({ type: "Status" });
  assert.ok(status?.type === "StatusAck" && status.status.startsWith("ready"));
  mkdirSync(join(t.root, "src"));
  writeFileSync(join(t.root, "src/main.rs"), "fn main() {}\n");
  const ack = await raw.call({ type: "RegisterWorkspace", project_root: t.root });
  assert.equal(ack?.type, "RegisterAck");
  const got = await raw.call({ type: "ManifestGet", path: "src/main.rs" });
  assert.ok(got?.type === "ManifestAck" && got.entry?.size === 13n);
  assert.deepEqual(await raw.call({ type: "ManifestListDir", path: "src" }), {
    type: "ManifestListAck",
    entries: [{ name: "main.rs", is_dir: false }],
  });
});

test("Handshake is optional, compares major versions, and a mismatch names both", async () => {
  const raw = await t.raw();
  assert.equal((await raw.call({ type: "Status" }))?.type, "StatusAck");
  assert.equal((await raw.call({ type: "Handshake", client_version: "0.9.3" }))?.type, "HandshakeAck");
  const refused = errorOf(await raw.call({ type: "Handshake", client_version: "1.0.0" }));
  assert.match(refused, /^EPROTO: .*0\.1\.0.*1\.0\.0/);
  assert.equal((await raw.call({ type: "Status" }))?.type, "StatusAck");
});

test("what is about a workspace needs one", async () => {
  const raw = await t.raw();
  const unbound: VeloRequest[] = [
    { type: "ManifestGet", path: "a" },
    { type: "ManifestListDir", path: "" },
    { type: "ManifestUpsert", path: "a", entry },
    { type: "ManifestRemove", path: "a" },
    { type: "ManifestRename", old_path: "a", new_path: "b" },
    { type: "ManifestUpdateMtime", path: "a", mtime_ns: 1n },
    { type: "ManifestReingest", vpath: "a", temp_path: "/tmp/x" },
    { type: "FlockAcquire", path: "a", operation: 2 },
    { type: "FlockRelease", path: "a" },
    { type: "Protect", path: "a", immutable: true, owner: null },
  ];
  for (const request of unbound) assert.match(errorOf(await raw.call(request)), /^EINVAL: /, request.type);
});

test("RegisterWorkspace: an existing directory of the caller's; a second one rebinds", async () => {
  const raw = await t.raw();
  const register = (project_root: string): Promise<VeloResponse | undefined> =>
    raw.call({ type: "RegisterWorkspace", project_root });
  assert.match(errorOf(await register("/")), /^EINVAL: /);
  assert.match(errorOf(await register("relative")), /^EINVAL: /);
  assert.match(errorOf(await register(join(t.directory, "absent"))), /^ENOENT: /);
  writeFileSync(join(t.directory, "file"), "");
  assert.match(errorOf(await register(join(t.directory, "file"))), /^ENOTDIR: /);
  assert.match(errorOf(await register(t.home.source)), /^EINVAL: /);
  const other = join(t.directory, "other");
  mkdirSync(other);
  writeFileSync(join(other, "only here"), "x");
  symlinkSync(other, join(t.directory, "link"));
  const first = await register(t.root);
  const second = await register(join(t.directory, "link"));
  assert.notDeepEqual(first, second);
  const got = await raw.call({ type: "ManifestGet", path: "only here" });
  assert.ok(got?.type === "ManifestAck" && got.entry !== null);
});

test("Rename, UpdateMtime and Reingest answer with the entry; errors have their code", async () => {
  const raw = await t.raw();
  await raw.call({ type: "RegisterWorkspace", project_root: t.root });
  const temp_path = join(t.directory, "cow123");
  writeFileSync(temp_path, "written elsewhere");
  const taken = await raw.call({ type: "ManifestReingest", vpath: "lib/a.rs", temp_path });
  assert.ok(taken?.type === "ManifestAck" && taken.entry?.size === 17n);
  assert.equal(existsSync(temp_path), false);
  assert.match(errorOf(await raw.call({ type: "ManifestReingest", vpath: "x", temp_path })), /^ENOENT: /);
  const mtime_ns = 1_234_567_890_123_456_789n;
  const changed = { type: "ManifestAck", entry: { ...taken.entry, mtime: mtime_ns } };
  assert.deepEqual(await raw.call({ type: "ManifestUpdateMtime", path: "lib/a.rs", mtime_ns }), changed);
  const far = { type: "ManifestUpdateMtime", path: "lib/a.rs", mtime_ns: 2n ** 64n - 1n } as const;
  assert.match(errorOf(await raw.call(far)), /^EINVAL: /);
  const rename = (old_path: string, new_path: string): Promise<VeloResponse | undefined> =>
    raw.call({ type: "ManifestRename", old_path, new_path });
  assert.match(errorOf(await rename("lib", "lib/inner")), /^EINVAL: /);
  assert.match(errorOf(await rename("lib/a.rs", "none/a.rs")), /^ENOENT: /);
  const moved = await rename("/lib", join(t.root, "moved"));
  assert.ok(moved?.type === "ManifestAck" && moved.entry?.flags === 1);
  assert.deepEqual(await raw.call({ type: "ManifestGet", path: "moved/a.rs" }), changed);
  assert.equal(readFileSync(join(t.root, "moved/a.rs"), "utf8"), "written elsewhere");
});

test("CasInsert is a claim that is verified; CasGet finds by hash alone", async () => {
  const raw = await t.raw();
  const lease = store.lease();
  const { hash, size } = await store.importBytes(Buffer.from("a blob"), lease);
  assert.deepEqual(await raw.call({ type: "CasInsert", hash, size }), { type: "CasAck" });
  assert.deepEqual(await raw.call({ type: "CasGet", hash }), { type: "CasFound", size: 6n });
  assert.match(errorOf(await raw.call({ type: "CasInsert", hash, size: 7n })), /^ENOENT: /);
  const absent = new Uint8Array(32).fill(1);
  assert.match(errorOf(await raw.call({ type: "CasInsert", hash: absent, size: 1n })), /^ENOENT: /);
  assert.deepEqual(await raw.call({ type: "CasGet", hash: absent }), { type: "CasNotFound" });
  assert.deepEqual(await raw.call({ type: "CasGet", hash: EMPTY_HASH }), { type: "CasFound", size: 0n });
  assert.deepEqual(await raw.call({ type: "CasInsert", hash: EMPTY_HASH, size: 0n }), { type: "CasAck" });
  lease.release();
});

test("many requests sent ahead are answered in order, whatever the chunks", async () => {
  const raw = await t.raw();
  const requests: VeloRequest[] = [{ type: "RegisterWorkspace", project_root: t.root }];
  for (let i = 0; i < 300; i++)
    requests.push(
      i % 3 === 0 ? { type: "Status" } : { type: "ManifestGet", path: i % 3 === 1 ? "src" : "none" },
    );
  const bytes = Buffer.concat(requests.map((request) => encodeFrame(encodeRequest(request))));
  for (let at = 0; at < bytes.length; at += 1009) raw.socket.write(bytes.subarray(at, at + 1009));
  for (const request of requests) {
    const reply = await raw.reply();
    if (request.type === "ManifestGet")
      assert.ok(reply?.type === "ManifestAck" && (reply.entry !== null) === (request.path === "src"));
    else assert.equal(reply?.type, request.type === "Status" ? "StatusAck" : "RegisterAck");
  }
});

test("a payload that does not decode is answered and the connection goes on", async () => {
  const raw = await t.raw();
  for (const payload of ["", "ff", "ffffffff", "02000000ffffffffffffffff", "00000000010000000000000080"]) {
    raw.socket.write(encodeFrame(Buffer.from(payload, "hex")));
    assert.match(errorOf(await raw.reply()), /^EBADMSG: /, payload);
  }
  assert.equal((await raw.call({ type: "Status" }))?.type, "StatusAck");
});

test("a frame over the limit is refused before it comes, after those before it were answered", async () => {
  const raw = await t.raw();
  raw.send({ type: "Status" });
  const header = Buffer.alloc(4);
  header.writeUInt32LE(FRAME_MAX + 1);
  raw.socket.write(header);
  assert.equal((await raw.reply())?.type, "StatusAck");
  assert.match(errorOf(await raw.reply()), /^EMSGSIZE: .*16777217/);
  assert.equal(await raw.reply(), undefined);
});

test("half a frame and silence, half a frame and the end, a peer that goes in the middle: the daemon goes on", async () => {
  const silent = await t.raw();
  silent.socket.write(Buffer.from([40, 0, 0, 0, 1, 2]));
  const ended = await t.raw();
  ended.socket.end(Buffer.from([40, 0, 0, 0, 1, 2]));
  assert.equal(await ended.reply(), undefined);
  const reset = await t.raw();
  for (let i = 0; i < 100; i++) reset.send({ type: "Status" });
  reset.socket.destroy();
  assert.match(await t.client().status(), /^ready/);
  silent.close();
});

test("a peer that does not read its replies does not grow the daemon", async () => {
  const deaf = await t.raw();
  deaf.socket.pause();
  const control = await t.control();
  const { rssBytes: before } = await control.call("status", {});
  const one = encodeFrame(encodeRequest({ type: "Status" }));
  const many = Buffer.concat(Array.from({ length: 10_000 }, () => one));
  for (let i = 0; i < 40; i++) deaf.socket.write(many);
  await wait(300);
  const { rssBytes: after } = await control.call("status", {});
  // 400,000 replies of some 200 bytes would be 80 MB.
  assert.ok(after - before < 50e6, `grew by ${after - before}`);
  assert.match(await t.client().status(), /^ready/);
  deaf.close();
});

test("control: one line in, one line out, in order; nonsense is answered", async () => {
  const { control } = await (await t.control()).call("open", { root: t.root });
  const nonsense = ["nonsense", "[]", '{"op":"toString"}', '{"op":{}}'];
  assert.deepEqual(
    await codes(t.home.controlSocket, [
      ...nonsense,
      '{"op":"open"}',
      '{"op":"open","root":"relative"}',
      '{"op":"status"}',
    ]),
    ["EBADMSG", "EBADMSG", "ENOSYS", "ENOSYS", "EINVAL", "EINVAL", "ok"],
  );
  assert.deepEqual(
    await codes(control, [
      ...nonsense,
      JSON.stringify({ op: "adopt", as: "virtual", entries: [] }),
      JSON.stringify({ op: "adopt", as: "backed", entries: [{ path: 1 }] }),
      JSON.stringify({ op: "sync" }),
    ]),
    ["EBADMSG", "EBADMSG", "ENOSYS", "ENOSYS", "VRIFT_NOT_PHANTOM", "EINVAL", "ok"],
  );
});

/** `ok` or the code of each reply. */
async function codes(path: string, lines: readonly string[]): Promise<(string | undefined)[]> {
  const socket = connect({ path });
  socket.write(`${lines.join("\n")}\n`);
  let text = "";
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.split("\n").length > lines.length) break;
  }
  socket.destroy();
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { ok: boolean; code?: string })
    .map(({ ok, code }) => (ok ? "ok" : code));
}

test("control: entries come in pages, each after the last of the one before", async () => {
  const root = join(t.directory, "paged");
  mkdirSync(root);
  const control = await t.control();
  const opened = await control.call("open", { root, phantom: true });
  const project = await connectProjectControl(opened.control);
  const entries = Array.from({ length: 25 }, (_, i) => ({
    path: `f${i}`,
    hash: hashToHex(EMPTY_HASH),
    size: "0",
    mtimeNs: "-5",
    mode: 0o600,
    blocks: 0,
  }));
  assert.deepEqual((await project.call("adopt", { entries, as: "virtual" })).refused, []);
  const paths: string[] = [];
  for (let after = ""; ;) {
    const page = (await project.call("entries", { after, limit: 10 })).entries;
    if (page.length === 0) break;
    paths.push(...page.map(({ path }) => path));
    after = page.at(-1)!.path;
  }
  project.close();
  assert.deepEqual(paths, entries.map(({ path }) => path).sort());
  const client = t.client();
  await client.register(root);
  assert.equal((await client.get("f1"))?.mtime, 0n);
});

test(
  "another user's directory is root's to register only",
  { skip: process.getuid?.() !== 0 && "not root" },
  async () => {
    const theirs = join(t.directory, "theirs");
    mkdirSync(theirs);
    chownSync(theirs, 12345, 12345);
    const raw = await t.raw();
    const ack = await raw.call({ type: "RegisterWorkspace", project_root: theirs });
    assert.ok(ack?.type === "RegisterAck");
    const { log } = workspacePaths(t.home, ack.workspace_id);
    assert.match(readFileSync(log, "utf8"), /opened workspace root=.*theirs/);
  },
);

test("a connection keeps its workspace when that becomes phantom, and solid again", async () => {
  const root = join(t.directory, "changing");
  mkdirSync(root);
  writeFileSync(join(root, "f"), "x");
  const client = t.client();
  await client.register(root);
  const control = await t.control();
  await control.call("open", { root, phantom: true });
  assert.equal((await client.get("f"))?.size, 1n);
  await control.call("solidify", { root });
  assert.equal((await client.get("f"))?.size, 1n);
});

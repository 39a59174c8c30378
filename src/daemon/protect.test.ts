/** Protect: which protection a file gets and how it ends; and that nothing outside store and workspaces is ever touched. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Worker } from "node:worker_threads";
import { DaemonFixture, RawConnection } from "../../test/daemon-fixture.js";
import { connect } from "../client/client.js";
import { silentLog } from "../platform/log.js";
import { native } from "../platform/native.js";
import { protectionDirectory, workspacePaths } from "../platform/paths.js";
import { openStore } from "../store/content-store.js";
import { Protections } from "./protections.js";

const isRoot = process.getuid!() === 0;
let t: DaemonFixture;
let raw: RawConnection;
/** Whether this process may set the attribute here. */
let attribute: boolean;
/** Absolute; what a failed test leaves immutable could not be removed. */
const touched = new Set<string>();

before(async () => {
  t = new DaemonFixture({ VRIFT_IDLE_SECONDS: "600" });
  attribute = canProtect(join(t.directory, "probe"));
  await t.start();
  raw = await t.raw();
  const ack = await raw.call({ type: "RegisterWorkspace", project_root: t.root });
  assert.equal(ack?.type, "RegisterAck");
});

after(async () => {
  for (const path of touched) attributeOf(path, false);
  await t.close();
});

function canProtect(path: string): boolean {
  writeFileSync(path, "");
  const can = attributeOf(path, true);
  return attributeOf(path, false) && can;
}

function attributeOf(path: string, immutable: boolean): boolean {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return false;
  }
  try {
    return native.setImmutable(fd, immutable);
  } finally {
    closeSync(fd);
  }
}

/** `ok`, or the code. */
async function protect(
  path: string,
  immutable: boolean,
  owner: string | null = null,
  on = raw,
): Promise<string> {
  const reply = await on.call({ type: "Protect", path, immutable, owner });
  if (reply?.type === "ProtectAck") touched.add(path.startsWith("/") ? path : join(t.root, path));
  return reply?.type === "Error"
    ? reply.message.split(":")[0]!
    : reply?.type === "ProtectAck"
      ? "ok"
      : String(reply?.type);
}

function file(name: string, mode = 0o640): string {
  const path = join(t.root, name);
  writeFileSync(path, name);
  chmodSync(path, mode);
  return path;
}

const modeOf = (path: string): number => statSync(path).mode & 0o7777;

async function status(): Promise<string> {
  const reply = await raw.call({ type: "Status" });
  assert.ok(reply?.type === "StatusAck");
  return reply.status;
}

test("a file loses its write bits and, where that can be, gets the attribute; log and Status say which; the end restores the mode", async () => {
  const path = file("a", 0o664);
  assert.equal(await protect("a", true), "ok");
  assert.equal(modeOf(path), 0o444);
  const applied = attribute ? "immutable" : "mode";
  assert.deepEqual(readdirSync(protectionDirectory(t.home)).map((name) => name.split(".")[1]), [applied]); // prettier-ignore
  assert.match(
    readFileSync(t.home.daemonLog, "utf8"),
    new RegExp(`protected path=${path} applied=${applied}`),
  );
  const counted = attribute ? "1 with the immutable attribute, 0 by" : "0 with the immutable attribute, 1 by";
  assert.match(await status(), new RegExp(`^protected files 1: ${counted} their mode alone$`, "m"));
  if (attribute) {
    assert.throws(() => appendFileSync(path, "x"), { code: "EPERM" });
    assert.throws(() => unlinkSync(path), { code: "EPERM" });
  }
  // Again, by another spelling and on the project's own socket: the mode of before is kept.
  const id = (await raw.call({ type: "RegisterWorkspace", project_root: t.root })) as {
    workspace_id: string;
  };
  const direct = connect({ socketPath: workspacePaths(t.home, id.workspace_id).socket });
  await direct.protect("./a", true);
  await direct.protect(path, false);
  direct.close();
  assert.equal(modeOf(path), 0o664);
  appendFileSync(path, "x");
  assert.deepEqual(readdirSync(protectionDirectory(t.home)), []);
  assert.equal(await protect("a", false), "ok", "what is not protected is let go, too");
  assert.equal(modeOf(path), 0o664);
});

test("another file under the path does not get the mode of the one that was protected", async () => {
  if (attribute) return; // It cannot be replaced while it is protected.
  const path = file("replaced", 0o666);
  await protect("replaced", true);
  unlinkSync(path);
  file("replaced", 0o600);
  await protect("replaced", false);
  assert.equal(modeOf(path), 0o600);
});

test("a blob of the store, which a sweep then leaves alone", async () => {
  const store = await openStore(t.home.source, { graceMs: 0 });
  const lease = store.lease();
  const { hash, size } = await store.importBytes(Buffer.from("a blob to keep"), lease);
  lease.release();
  const hex = Buffer.from(hash).toString("hex");
  const path = join(t.home.source, "blake3", hex.slice(0, 2), `${hex}_${size}.bin`);
  assert.equal(await protect(path, true), "ok");
  assert.equal(modeOf(path), 0o444);
  await store.sweep({ has: () => false });
  assert.equal(store.findBlob(hash) !== undefined, attribute);
  if (attribute) assert.equal(await protect(path, false), "ok");
  await store.sweep({ has: () => false });
  assert.equal(store.findBlob(hash), undefined);
  store.close();
});

test("what Protect refuses, and that none of it changes", async () => {
  const outside = join(t.directory, "outside");
  mkdirSync(outside);
  const secret = join(outside, "secret");
  writeFileSync(secret, "x");
  chmodSync(secret, 0o666);
  mkdirSync(join(t.root, "d"), { recursive: true });
  symlinkSync(secret, join(t.root, "link"));
  symlinkSync(outside, join(t.root, "out"));
  symlinkSync("../outside", join(t.root, "relative-out"));
  symlinkSync("/proc/self/root", join(t.root, "magic"));
  linkSync(secret, join(t.root, "hard"));
  execFileSync("mkfifo", [join(t.root, "fifo")]);
  mkdirSync(join(t.root, ".vrift"), { recursive: true });
  file(".vrift/workspace-like", 0o666);
  const known = workspacePaths(t.home, "0".repeat(32));
  const cases: readonly (readonly [string, string])[] = [
    [secret, "EACCES"],
    ["/etc/hostname", "EACCES"],
    [`${t.root}-not`, "EACCES"],
    [`${t.root}/../outside/secret`, "EINVAL"],
    ["../outside/secret", "EINVAL"],
    ["d/../../outside/secret", "EINVAL"],
    ["link", "ELOOP"],
    ["out/secret", "EXDEV"],
    ["relative-out/secret", "EXDEV"],
    [`magic${secret}`, "EXDEV"],
    ["hard", "EACCES"],
    ["fifo", "EINVAL"],
    ["d", "EISDIR"],
    ["", "EISDIR"],
    [t.root, "EISDIR"],
    ["absent", "ENOENT"],
    ["d/absent", "ENOENT"],
    ["a\0b", "EINVAL"],
    ["x".repeat(256), "ENAMETOOLONG"],
    ["x/".repeat(3000), "ENAMETOOLONG"],
    [".vrift/workspace-like", "EACCES"],
    [join(t.home.source, "sweep.lock"), "EACCES"],
    [join(t.home.source, "roots"), "EACCES"],
    [join(t.home.source, "blake3/ab/nothing"), "EACCES"],
    [t.home.daemonLock, "EACCES"],
    [known.lock, "EACCES"],
  ];
  for (const [path, code] of cases)
    for (const immutable of [true, false])
      assert.equal(await protect(path, immutable), code, `${path.slice(0, 80)} ${immutable}`);
  assert.equal(modeOf(secret), 0o666);
  assert.equal(modeOf(join(t.root, ".vrift/workspace-like")), 0o666);
  const unbound = await t.raw();
  assert.equal(await protect("a", true, null, unbound), "EINVAL");
  assert.doesNotMatch(await status(), /^protected files/m);
});

test("owner: a user's name or number, as far as the kernel lets us give files away", async () => {
  const path = file("owned", 0o644);
  const me = process.getuid!();
  assert.equal(await protect("owned", false, String(me)), "ok");
  assert.equal(await protect("owned", false, "no such user"), "EINVAL");
  assert.equal(await protect("owned", false, ""), "EINVAL");
  assert.equal(await protect("owned", false, "4294967295"), "EINVAL");
  assert.equal(await protect("owned", true, "12345"), isRoot ? "ok" : "EPERM");
  assert.equal(statSync(path).uid, isRoot ? 12345 : me);
  await protect("owned", false);
});

test("another user, root too, is refused", () => {
  const protections = new Protections(t.home, silentLog);
  const request = { path: file("theirs"), immutable: true, owner: null };
  for (const uid of [process.getuid!() + 1, process.getuid!() === 0 ? 65534 : 0])
    assert.throws(() => protections.protect(request, uid, undefined), { code: "EPERM" });
});

test("while a directory on the way is exchanged for a link out again and again, nothing out there is touched", async () => {
  const victim = join(t.directory, "victim");
  mkdirSync(victim);
  writeFileSync(join(victim, "f"), "");
  chmodSync(join(victim, "f"), 0o666);
  mkdirSync(join(t.root, "real"));
  writeFileSync(join(t.root, "real/f"), "");
  const script = `
    const { renameSync, symlinkSync, unlinkSync } = require("node:fs");
    const [root, victim] = require("node:worker_threads").workerData;
    for (;;) {
      renameSync(root + "/real", root + "/way");
      renameSync(root + "/way", root + "/real");
      symlinkSync(victim, root + "/way");
      unlinkSync(root + "/way");
    }`;
  const worker = new Worker(script, { eval: true, workerData: [t.root, victim] });
  const seen = new Map<string, number>();
  const deadline = Date.now() + 10_000;
  // Until each of the three was met, and then some.
  while (
    Date.now() < deadline &&
    !(["ok", "EXDEV", "ENOENT"].every((code) => seen.has(code)) && (seen.get("ok") ?? 0) > 20)
  ) {
    const code = await protect("way/f", (seen.get("ok") ?? 0) % 2 === 0);
    seen.set(code, (seen.get(code) ?? 0) + 1);
    assert.equal(modeOf(join(victim, "f")), 0o666);
  }
  await worker.terminate();
  for (const path of ["real/f", "way/f"]) attributeOf(join(t.root, path), false);
  // EXDEV is the link as it stands; the race between is what the loop is for.
  for (const code of seen.keys()) assert.ok(["ok", "EXDEV", "ENOENT"].includes(code), code);
  assert.equal(modeOf(join(victim, "f")), 0o666);
  rmSync(join(t.root, "way"), { force: true, recursive: true });
});

test("a root that was replaced by a link to somewhere else is none any more", async () => {
  const root = join(t.directory, "moved");
  mkdirSync(root);
  writeFileSync(join(root, "f"), "");
  const other = await t.raw();
  assert.equal((await other.call({ type: "RegisterWorkspace", project_root: root }))?.type, "RegisterAck");
  const aside = join(t.directory, "aside");
  renameSync(root, aside);
  chmodSync(join(aside, "f"), 0o666);
  symlinkSync(aside, root);
  assert.match(await protect(join(root, "f"), true, null, other), /^(ENOTDIR|ELOOP|EACCES)$/);
  assert.equal(modeOf(join(aside, "f")), 0o666);
});

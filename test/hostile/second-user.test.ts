/**
 * A home under the most permissive umask, and another, unprivileged user of the machine who tries what can be tried from outside
 * (docs/security.md). The directories around the home are open to everybody here, so that it is vrift's own modes that hold.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { makeDirectory } from "../../src/platform/files.js";
import { makePrivateDirectory } from "../../src/daemon/listener.js";
import { childPaths, protectionDirectory, workspacePaths } from "../../src/platform/paths.js";
import { openStore } from "../../src/store/content-store.js";
import { DaemonFixture } from "../daemon-fixture.js";

const NOBODY = 65534;
const skip = process.getuid?.() !== 0 && "only root can become another user";

let t: DaemonFixture;
let id: string;

before(async () => {
  process.umask(0);
  t = new DaemonFixture({ VRIFT_IDLE_SECONDS: "600" });
  chmodSync(t.directory, 0o755);
  await t.start();
  const control = await t.control();
  writeFileSync(join(t.root, "f"), "x", { mode: 0o644 });
  await control.call("open", { root: t.root, phantom: true });
  const client = t.client();
  id = await client.register(t.root);
  const store = await openStore(t.home.source);
  const lease = store.lease();
  const { hash, size } = await store.importBytes(Buffer.from("a secret of the home's owner"), lease);
  const entry = { content_hash: new Uint8Array(hash), size, mtime: 1n, mode: 0o600, flags: 0 };
  await client.upsert("secret", entry);
  lease.release();
  store.close();
  const ended = await client.spawn(["/bin/sleep", "0"], {}, "/");
  // Its record is there while it runs.
  while (existsSync(join(childPaths(t.home).records, String(ended)))) await wait(10);
  const sleeping = await client.spawn(["/bin/sleep", "60"], {}, "/");
  after(() => process.kill(-sleeping, "SIGKILL"));
  await client.protect(join(t.root, "f"), true);
});

after(async () => {
  await t.client().protect(join(t.root, "f"), false);
  await t.close();
});

test("whatever the umask: directories 0700, files 0600, blobs 0444, sockets 0600, all of one owner", () => {
  const seen = new Set<string>();
  const walk = (path: string): void => {
    const stat = lstatSync(path);
    const mode = stat.mode & 0o7777;
    assert.equal(stat.uid, process.getuid!(), path);
    if (stat.isDirectory()) {
      assert.equal(mode, 0o700, path);
      for (const name of readdirSync(path)) walk(join(path, name));
    } else if (path.endsWith(".bin") || path === join(t.home.source, "empty"))
      assert.equal(mode, 0o444, path);
    else assert.equal(mode, 0o600, path);
    seen.add(path.slice(t.home.root.length + 1).split("/")[0]!);
  };
  walk(t.home.root);
  walk(join(t.root, ".vrift"));
  for (const name of ["db", "log", "protected", "run", "sockets", "the_source"])
    assert.ok(seen.has(name), name);
});

interface Attempt {
  readonly what: string;
  /** Of a module with fs, net, child_process; throws or resolves. */
  readonly code: string;
}

/** What became of each: `done`, or the error's code. */
function tryAsNobody(attempts: readonly Attempt[]): Record<string, string> {
  const script = `
    const fs = require("node:fs"), net = require("node:net");
    const connect = (path) => new Promise((resolve, reject) => {
      const socket = net.connect({ path });
      socket.on("error", reject).on("connect", () => socket.write(Buffer.from("0400000001000000", "hex")));
      socket.on("data", () => resolve("answered")).on("close", () => reject(Object.assign(new Error(), { code: "closed" })));
    });
    (async () => {
      const told = {};
      for (const { what, code } of JSON.parse(process.argv[1])) {
        try { await eval("(async () => {" + code + "})()"); told[what] = "done"; }
        catch (error) { told[what] = error.code ?? String(error); }
      }
      console.log(JSON.stringify(told));
      process.exit();
    })();`;
  const child = spawnSync(process.execPath, ["-e", script, JSON.stringify(attempts)], {
    uid: NOBODY,
    gid: NOBODY,
    cwd: "/",
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal(child.status, 0, child.stderr);
  return JSON.parse(child.stdout) as Record<string, string>;
}

test(
  "a second user: sockets, store, index, manifest, locks, logs and records are out of reach",
  { skip },
  () => {
    const { home } = t;
    const paths = workspacePaths(home, id);
    const q = (path: string): string => JSON.stringify(path);
    const files = [paths.index, paths.marks, paths.lock, paths.log, home.daemonLock, home.daemonLog];
    const attempts: Attempt[] = [
    ...[home.daemonSocket, home.controlSocket, paths.socket, paths.control].map((path) => ({ what: `connect ${path}`, code: `await connect(${q(path)})` })),
    ...files.map((path) => ({ what: `read ${path}`, code: `fs.readFileSync(${q(path)})` })),
    ...files.map((path) => ({ what: `write ${path}`, code: `fs.openSync(${q(path)}, "r+")` })),
    ...["", "db", "run", "log", "sockets", "the_source", "the_source/blake3", "the_source/roots", "log/children", "run/children", "protected"].flatMap(
      (name) => [
        { what: `list ${name}`, code: `fs.readdirSync(${q(join(home.root, name))})` },
        { what: `make in ${name}`, code: `fs.writeFileSync(${q(join(home.root, name, "planted"))}, "")` },
        { what: `rename in ${name}`, code: `fs.renameSync(${q(join(home.root, name))}, ${q(`${join(home.root, name)}-gone`)})` },
      ],
    ),
    { what: "staging", code: `fs.writeFileSync(${q(join(t.root, ".vrift/staging/planted"))}, "")` },
    { what: "whiteout", code: `fs.writeFileSync(${q(join(t.root, ".vrift/whiteouts/planted"))}, "")` },
    { what: "signal", code: `process.kill(${readFileSync(home.daemonLock, "utf8").trim()}, "SIGKILL")` },
  ]; // prettier-ignore
    // As the home is; and then with every directory of it opened by mistake: files and sockets hold by themselves.
    const open = (mode: number): void => {
      for (const name of ["", "db", "run", "log", "sockets", "the_source", `run/${id}`])
        chmodSync(join(home.root, name), mode);
    };
    const told = tryAsNobody(attempts);
    for (const [what, code] of Object.entries(told)) assert.match(code, /^E(ACCES|PERM)$/, what);
    open(0o755);
    try {
      const again = tryAsNobody(attempts.filter(({ what }) => !what.startsWith("list ")));
      for (const [what, code] of Object.entries(again)) assert.match(code, /^E(ACCES|PERM)$/, what);
    } finally {
      open(0o700);
    }
    // And with the socket opened, too: who connects is turned away unheard.
    open(0o755);
    chmodSync(home.daemonSocket, 0o666);
    try {
      const connected = tryAsNobody([{ what: "connect", code: `await connect(${q(home.daemonSocket)})` }]);
      assert.match(connected["connect"]!, /^(closed|EPIPE|ECONNRESET)$/);
      assert.match(readFileSync(home.daemonLog, "utf8"), /turned a connection of another user away/);
    } finally {
      chmodSync(home.daemonSocket, 0o600);
      open(0o700);
    }
  },
);

test("places in shared directories that another user had first are not used", { skip }, async () => {
  const shared = join(t.directory, "shared");
  mkdirSync(shared);
  chmodSync(shared, 0o1777);
  const theirs = join(shared, "directory");
  mkdirSync(theirs, { mode: 0o700 });
  chownSync(theirs, NOBODY, NOBODY);
  assert.throws(() => makePrivateDirectory(theirs), { code: "EACCES" });
  const link = join(shared, "link");
  tryAsNobody([{ what: "link", code: `fs.symlinkSync(${JSON.stringify(t.root)}, ${JSON.stringify(link)})` }]);
  assert.throws(() => makePrivateDirectory(link), { code: "EACCES" });
  for (const mode of [0o755, 0o770]) {
    const wide = join(shared, `wide-${mode}`);
    makeDirectory(wide);
    chmodSync(wide, mode);
    assert.throws(() => makePrivateDirectory(wide), { code: "EACCES" });
  }
  const socket = join(shared, "vrift.sock");
  tryAsNobody([{ what: "file", code: `fs.writeFileSync(${JSON.stringify(socket)}, "")` }]);
  const other = new DaemonFixture({ VRIFT_SOCKET: socket });
  const child = other.spawn();
  let said = "";
  child.stderr!.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await new Promise((resolve) => child.once("close", resolve));
  assert.match(said, /EEXIST: .*is no dead socket of yours/);
  assert.equal(lstatSync(socket).uid, NOBODY);
  await other.close();
});

test("what lies in the way of a directory or file of ours as a link is not followed", async () => {
  const victim = join(t.directory, "victim");
  const other = new DaemonFixture();
  mkdirSync(other.home.root, { mode: 0o700 });
  writeFileSync(victim, "untouched");
  const { symlinkSync } = await import("node:fs");
  mkdirSync(join(other.home.root, "run"), { mode: 0o700 });
  symlinkSync(victim, other.home.daemonLock);
  const child = other.spawn();
  await new Promise((resolve) => child.once("close", resolve));
  assert.notEqual(child.exitCode, 0);
  rmSync(other.home.daemonLock);
  await other.start();
  const client = other.client();
  symlinkSync(victim, protectionDirectory(other.home));
  writeFileSync(join(other.root, "f"), "");
  await client.register(other.root);
  await assert.rejects(client.protect("f", true), { code: "ENOTDIR" });
  assert.equal(readFileSync(victim, "utf8"), "untouched");
  assert.ok(!existsSync(join(victim, "x")));
  await other.close();
});

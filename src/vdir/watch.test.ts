import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  rmdirSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { native } from "../platform/native.js";
import type { IndexValue, WatchHandle } from "../platform/native.js";
import { IndexWriter } from "./index-file.js";
import { constants } from "./layout.js";
import { Marks, markWord } from "./marks.js";

const LOST = Number(constants.DISTRUST_LOST);
const WHOLE = constants.MARK_BEGIN + constants.MARK_END;
let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "vrift-watch-"));
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

function value(mode: number): IndexValue {
  const dir = (mode & 0o170000) === 0o040000;
  const flags = Number(constants.ENTRY_BACKED | (dir ? constants.ENTRY_DIR : 0n));
  return { flags, mode, size: 0n, mtimeNs: 0n, ctimeNs: 0n, ino: 0n, blocks: 0, hash: Buffer.alloc(32) };
}

/** A watched tree with its index and marks. */
class Watched {
  readonly root: string;
  readonly run: string;
  readonly cookies: string;
  readonly marks: Marks;
  readonly writer: IndexWriter;
  readonly handle: WatchHandle;
  changes = 0;

  constructor(name: string, directories: readonly string[]) {
    this.root = join(folder, name);
    this.run = join(folder, `${name}.run`);
    this.cookies = join(this.run, "cookies");
    mkdirSync(this.cookies, { recursive: true });
    mkdirSync(this.root);
    this.marks = Marks.open(join(this.run, "marks"));
    this.writer = IndexWriter.create(join(this.run, "index"), {
      workspaceId: "0".repeat(32),
      kind: 0,
      rootPath: this.root,
      rootDev: 1n,
      rootIno: 1n,
      sourcePath: "/s",
      sourceDev: 1n,
      uid: 0,
      gid: 0,
      onReplaced: (writer) => native.watchSetIndex(this.handle, writer.handle),
    });
    this.writer.publish();
    this.writer.setDistrust(0);
    const fd = openSync(join(this.run, "marks"), "r+");
    this.handle = native.watchStart({
      mounts: false,
      root: this.root,
      marksFd: fd,
      index: this.writer.handle,
      cookies: this.cookies,
      onChange: () => (this.changes += 1),
    });
    closeSync(fd);
    assert.equal(native.watchAdd(this.handle, Buffer.from("")), true);
    for (const key of directories) {
      mkdirSync(this.at(key), { mode: 0o755 });
      chmodSync(this.at(key), 0o755);
      this.writer.insert(key, value(0o040755));
      assert.equal(native.watchAdd(this.handle, Buffer.from(key)), true);
    }
  }

  at(key: string): string {
    return join(this.root, key);
  }

  /** Which of the keys' marks an action moves, each by whole operations; the loss it raises is taken away again. */
  async moved(keys: readonly string[], act: () => void): Promise<{ keys: string[]; lost: boolean }> {
    await native.watchDrain(this.handle);
    this.writer.clearLost();
    const words = keys.map((key) => markWord(native.pathHash(Buffer.from(key))));
    assert.equal(new Set(words).size, keys.length, "the keys of a test have words of their own");
    const start = new BigUint64Array(this.marks.snapshot());
    act();
    await native.watchDrain(this.handle);
    const end = new BigUint64Array(this.marks.snapshot());
    const moved = keys.filter((_, i) => {
      const by = (end[words[i] ?? 0] ?? 0n) - (start[words[i] ?? 0] ?? 0n);
      assert.equal(by % WHOLE, 0n);
      return by > 0n;
    });
    return { keys: moved, lost: this.writer.clearLost() };
  }

  close(): void {
    native.watchStop(this.handle);
    this.writer.close();
  }
}

test("each kind of change moves the word of the name, and of the directory when a name came or went", async () => {
  const tree = new Watched("kinds", ["dir"]);
  const keys = ["", "dir", "dir/file", "dir/other", "file"];
  const moved = async (act: () => void) => (await tree.moved(keys, act)).keys;
  const file = tree.at("dir/file");
  let fd = -1;
  assert.deepEqual(await moved(() => writeFileSync(file, "")), ["dir", "dir/file"]);
  assert.deepEqual(await moved(() => (fd = openSync(file, "r+"))), []);
  assert.deepEqual(await moved(() => writeSync(fd, "x")), ["dir/file"]);
  assert.deepEqual(await moved(() => closeSync(fd)), ["dir/file"]);
  assert.deepEqual(await moved(() => chmodSync(file, 0o600)), ["dir/file"]);
  assert.deepEqual(await moved(() => utimesSync(file, 1, 1)), ["dir/file"]);
  assert.deepEqual(await moved(() => linkSync(file, tree.at("dir/other"))), ["dir", "dir/other"]);
  assert.deepEqual(await moved(() => renameSync(file, tree.at("file"))), ["", "dir", "dir/file", "file"]);
  assert.deepEqual(await moved(() => renameSync(tree.at("file"), tree.at("dir/other"))), []);
  unlinkSync(tree.at("dir/other"));
  assert.deepEqual(await moved(() => unlinkSync(tree.at("file"))), ["", "file"]);
  assert.ok(tree.changes > 0);
  tree.close();
});

test("loss: a known directory moved away or with other permissions, and the root; not a deleted or an unknown one", async () => {
  const tree = new Watched("loss", ["a", "a/b", "c", "d"]);
  const lost = async (act: () => void) => (await tree.moved(["a", "c"], act)).lost;
  assert.equal(await lost(() => renameSync(tree.at("a"), tree.at("moved"))), true);
  assert.equal(await lost(() => mkdirSync(tree.at("unknown"))), false);
  assert.equal(await lost(() => renameSync(tree.at("unknown"), tree.at("elsewhere"))), false);
  assert.equal(await lost(() => utimesSync(tree.at("c"), 1, 1)), false);
  assert.equal(await lost(() => chmodSync(tree.at("c"), 0o700)), true);
  assert.equal(await lost(() => rmdirSync(tree.at("c"))), false);
  assert.deepEqual((await tree.moved(["", "d", "c"], () => rmdirSync(tree.at("d")))).keys, ["", "d"]);
  assert.equal(await lost(() => chmodSync(tree.root, 0o700)), true);
  assert.equal(await lost(() => renameSync(tree.root, `${tree.root}-away`)), true);
  tree.close();
});

test("a directory watched again under its new name reports under it", async () => {
  const tree = new Watched("renamed", ["old"]);
  renameSync(tree.at("old"), tree.at("new"));
  assert.equal(native.watchAdd(tree.handle, Buffer.from("new")), true);
  const { keys } = await tree.moved(["old", "new", "old/x", "new/x"], () =>
    writeFileSync(tree.at("new/x"), ""),
  );
  assert.deepEqual(keys, ["new", "new/x"]);
  tree.close();
});

test("growth of the index carries a loss over, and later ones reach the new file", async () => {
  const tree = new Watched("growth", ["a", "b"]);
  renameSync(tree.at("a"), tree.at("c"));
  await native.watchDrain(tree.handle);
  assert.equal(tree.writer.distrust, LOST);
  tree.writer.grow();
  assert.equal(tree.writer.distrust, LOST);
  assert.equal(tree.writer.clearLost(), true);
  tree.writer.setDistrust(5);
  tree.writer.grow();
  renameSync(tree.at("b"), tree.at("d"));
  await native.watchDrain(tree.handle);
  assert.equal(tree.writer.distrust >>> 0, LOST + 5);
  tree.writer.setDistrust(0);
  assert.equal(tree.writer.distrust, LOST, "only clearLost takes it away");
  tree.close();
});

test("marks move within microseconds", async () => {
  const tree = new Watched("latency", []);
  const words = new BigUint64Array(tree.marks.buffer);
  const word = markWord(native.pathHash(Buffer.from("file")));
  const took: number[] = [];
  const fd = openSync(tree.at("file"), "w");
  for (let i = 0; i < 200; i += 1) {
    await native.watchDrain(tree.handle);
    const before_ = Atomics.load(words, word);
    const start = process.hrtime.bigint();
    writeSync(fd, "x");
    while (Atomics.load(words, word) === before_ && process.hrtime.bigint() - start < 500_000_000n);
    took.push(Number(process.hrtime.bigint() - start) / 1000);
  }
  closeSync(fd);
  took.sort((a, b) => a - b);
  console.log(`median ${took[100]?.toFixed(0)} us, slowest of 200 ${took[199]?.toFixed(0)} us`);
  assert.ok((took[100] ?? Infinity) < 20_000);
  tree.close();
});

test("drain: in order, many at once; a deaf one ends with ETIMEDOUT, a stopped one with ECANCELED", async () => {
  const tree = new Watched("drain", []);
  await Promise.all(Array.from({ length: 20 }, () => native.watchDrain(tree.handle)));
  // The watch stays with the directory that was renamed; what is created in a new one of its name is not heard of.
  renameSync(tree.cookies, `${tree.cookies}-away`);
  mkdirSync(tree.cookies);
  const start = performance.now();
  await assert.rejects(native.watchDrain(tree.handle), { code: "ETIMEDOUT" });
  assert.ok(performance.now() - start > 900 && performance.now() - start < 3000);
  const stopped = assert.rejects(native.watchDrain(tree.handle), { code: "ECANCELED" });
  tree.close();
  await stopped;
  native.watchStop(tree.handle);
  assert.throws(() => native.watchAdd(tree.handle, Buffer.from("")), { code: "EBADF" });
  assert.equal(existsSync(join(tree.cookies, "1")), false);
});

test("errors: no such directory, a link, a file", () => {
  const tree = new Watched("errors", []);
  writeFileSync(tree.at("file"), "");
  const add = (key: string) => native.watchAdd(tree.handle, Buffer.from(key));
  assert.throws(() => add("absent"), { code: "ENOENT", syscall: "inotify_add_watch" });
  assert.throws(() => add("file"), { code: "ENOTDIR" });
  assert.throws(() => add("x".repeat(5000)), { code: "ENAMETOOLONG" });
  tree.close();
});

/** What a child process does with a watched tree; `process.argv[1]` is its root, prepared by `prepare`. */
function childScript(body: string): string {
  const url = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
  return `
    const { native } = await import(${url("../platform/native.js")});
    const { IndexWriter } = await import(${url("./index-file.js")});
    const { Marks } = await import(${url("./marks.js")});
    const { mkdirSync, openSync } = await import("node:fs");
    const root = process.argv[1];
    mkdirSync(root + ".run/cookies", { recursive: true });
    mkdirSync(root, { recursive: true });
    const marks = Marks.open(root + ".run/marks");
    const writer = IndexWriter.create(root + ".run/index", { workspaceId: "0".repeat(32), kind: 0, rootPath: root,
      rootDev: 1n, rootIno: 1n, sourcePath: "/s", sourceDev: 1n, uid: 0, gid: 0 });
    writer.publish();
    writer.setDistrust(0);
    const handle = native.watchStart({ root, mounts: false, marksFd: openSync(root + ".run/marks", "r+"), index: writer.handle,
      cookies: root + ".run/cookies", onChange: () => {} });
    native.watchAdd(handle, Buffer.from(""));
    ${body}`;
}

test("a watcher does not keep Node alive", async () => {
  const args = ["--input-type=module", "-e", childScript(`console.log("started");`), join(folder, "idle")];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], timeout: 20_000 });
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  assert.deepEqual([code, signal], [0, null]);
});

test("an overflow of the queue is a loss", async () => {
  const root = join(folder, "overflow");
  const body = `console.log("ready"); process.stdin.on("data", async () => {
    for (let i = 0; i < 20; i++) { try { await native.watchDrain(handle); break; } catch {} }
    console.log(writer.distrust); process.exit(); });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", childScript(body), root], {
    stdio: ["pipe", "pipe", "inherit"],
    timeout: 60_000,
  });
  await once(child.stdout, "data");
  child.kill("SIGSTOP");
  await sleep(50);
  // 16,384 events is the kernel's default; each of these is three.
  for (let i = 0; i < 9000; i += 1) {
    writeFileSync(join(root, `file${i}`), "");
    unlinkSync(join(root, `file${i}`));
  }
  child.kill("SIGCONT");
  child.stdin.write("go\n");
  const [answer] = (await once(child.stdout, "data")) as [Buffer];
  assert.equal(Number(answer.toString()), LOST);
  await once(child, "exit");
});

test("a worker that ends with its watcher running ends cleanly", async () => {
  const root = join(folder, "worker");
  const worker = new Worker(
    `process.argv[1] = ${JSON.stringify(root)}; (async () => { ${childScript(
      `require("node:worker_threads").parentPort.postMessage("ready"); native.watchDrain(handle); setInterval(() => {}, 1000);`,
    )} })();`,
    { eval: true },
  );
  await once(worker, "message");
  assert.equal(await worker.terminate(), 1);
  assert.doesNotThrow(() => writeFileSync(join(root, "file"), ""));
});

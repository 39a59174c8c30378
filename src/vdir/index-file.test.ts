import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { plainPrograms } from "../../test/checking-program.js";
import { native } from "../platform/native.js";
import type { IndexValue } from "../platform/native.js";
import { IndexWriter } from "./index-file.js";
import type { IndexOptions } from "./index-file.js";
import { IndexReader } from "./index-reader.js";
import { offsetsOf } from "./fields.js";
import { constants, indexHeader } from "./layout.js";
import { Marks, MARKS_SIZE, makeStripes } from "./marks.js";

const DIR = Number(constants.ENTRY_DIR | constants.ENTRY_BACKED);
const VIRTUAL = Number(constants.ENTRY_VIRTUAL | constants.ENTRY_HASHED);
let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "vrift-index-"));
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

function options(extra: Partial<IndexOptions> = {}): IndexOptions {
  return {
    workspaceId: "0123456789abcdef0123456789abcdef",
    kind: Number(constants.KIND_PHANTOM),
    rootPath: "/proj/ünï",
    rootDev: 0x1_0000_0001n,
    rootIno: 77n,
    sourcePath: "/home/u/.vrift/the_source",
    sourceDev: 5n,
    uid: 1000,
    gid: 2000,
    ...extra,
  };
}

function value(number: number, flags: number): IndexValue {
  return {
    flags,
    mode: 0o100644,
    size: BigInt(number) << 33n,
    mtimeNs: -BigInt(number) - 1n,
    ctimeNs: BigInt(number) * 1_000_000_007n,
    ino: constants.VIRTUAL_INODE_BASE + BigInt(number),
    blocks: number,
    hash: Buffer.alloc(32, number & 0xff),
  };
}

/** Every directory before what is in it. */
function* randomTree(count: number): Generator<[string, IndexValue]> {
  const directories = [""];
  for (let i = 0; i < count; i += 1) {
    const parent = directories[Math.floor(Math.random() * directories.length)] ?? "";
    const key = (parent === "" ? "" : `${parent}/`) + `nä${"m".repeat(i % 40)}${i}`;
    const isDir = i % 7 === 0 && key.length < 1500;
    if (isDir) directories.push(key);
    yield [key, value(i, isDir ? DIR : VIRTUAL)];
  }
}

/** What index_check, the C reader, finds for each key. */
function foundByC(index: string, keys: readonly string[]): number[] {
  const program = plainPrograms(["index_check"]).index_check;
  const input = keys.map((key) => `${Buffer.from(key).toString("hex")}\n`).join("");
  return execFileSync(program, ["find", index], { input, encoding: "utf8" }).trim().split("\n").map(Number);
}

test("what is put in is found, in TypeScript and in C, and nothing else is", () => {
  const path = join(folder, "agree");
  const writer = IndexWriter.create(path, options());
  const tree = [...randomTree(5000)];
  writer.fill(tree);
  assert.equal(writer.entryCount, 5001, "with the root, and grown on the way");
  writer.publish();
  assert.equal(statSync(path).mode & 0o7777, 0o600);
  assert.equal(existsSync(`${path}.new`), false);

  const reader = IndexReader.open(path);
  const present = new Set(tree.map(([key]) => key));
  const absent = tree
    .flatMap(([key]) => [`${key}x`, `${key}/x`, key.slice(0, -1)])
    .filter((key) => key !== "" && !present.has(key));
  const keys = ["", ...tree.map(([key]) => key), ...absent];
  const inC = foundByC(path, keys);
  for (const [i, key] of keys.entries()) assert.equal(inC[i], reader.lookup(key)?.number ?? -1, key);
  for (const key of absent) assert.equal(reader.lookup(key), undefined, key);
  for (const [key, { hash, ...given }] of tree) {
    const { number, name, parent, hash: found, ...rest } = reader.lookup(key) ?? assert.fail(key);
    assert.deepEqual(rest, { key, ...given });
    assert.deepEqual(Buffer.from(hash), found);
    assert.equal(name, key.slice(key.lastIndexOf("/") + 1));
    assert.equal(parent, writer.find(key.slice(0, Math.max(0, key.lastIndexOf("/")))));
    assert.equal(number, writer.find(key));
  }
  const parentOf = (key: string) => key.slice(0, Math.max(0, key.lastIndexOf("/")));
  const children = new Map<string, string[]>();
  for (const [key] of tree) children.set(parentOf(key), [...(children.get(parentOf(key)) ?? []), key]);
  for (const [parent, keys] of children) {
    assert.deepEqual(
      reader
        .children(parent)
        ?.map((entry) => entry.key)
        .sort(),
      keys.sort(),
    );
  }
  assert.equal(reader.children("nowhere"), undefined);
  assert.equal([...reader.entries()].length, 5001);
  const { workspaceId, rootPath, rootDev, rootIno, sourcePath, uid, gid, kind, alive } = reader.header;
  assert.deepEqual(
    {
      workspaceId,
      rootPath,
      rootDev,
      rootIno,
      sourcePath,
      uid,
      gid,
      kind,
      alive,
      sourceDev: reader.header.sourceDev,
    },
    { ...options(), alive: true },
  );
  writer.close();
  assert.equal(reader.header.alive, false);
  assert.equal(reader.lookup(tree[0]?.[0] ?? "")?.flags, tree[0]?.[1].flags, "a closed file still answers");
});

test("changes in place are seen by an existing mapping; names come and go", () => {
  const path = join(folder, "live");
  const writer = IndexWriter.create(path, options());
  writer.publish();
  const reader = IndexReader.open(path);
  writer.insert("src", value(1, DIR));
  writer.insert("src/a.c", value(2, VIRTUAL));
  assert.equal(reader.lookup("src/a.c")?.blocks, 2);
  writer.update("src/a.c", value(3, VIRTUAL));
  writer.put("src/a.c", value(4, VIRTUAL));
  writer.put("src/b.c", value(5, VIRTUAL));
  assert.equal(reader.lookup("src/a.c")?.blocks, 4);
  assert.deepEqual(
    reader
      .children("src")
      ?.map((entry) => entry.name)
      .sort(),
    ["a.c", "b.c"],
  );

  assert.throws(() => writer.insert("src", value(1, DIR)), { code: "EEXIST" });
  assert.throws(() => writer.insert("nowhere/x", value(1, DIR)), { code: "ENOENT" });
  assert.throws(() => writer.insert("src/a.c/x", value(1, DIR)), { code: "ENOTDIR" });
  assert.throws(() => writer.insert("src//x", value(1, DIR)), { code: "EINVAL" });
  assert.throws(() => writer.insert("n".repeat(256), value(1, DIR)), { code: "ENAMETOOLONG" });
  assert.throws(() => writer.fill([["x".repeat(70_000), value(1, DIR)]]), { code: "ENAMETOOLONG" });
  assert.throws(() => writer.update("absent", value(1, DIR)), { code: "ENOENT" });
  assert.throws(() => writer.update("src", value(1, VIRTUAL)), { code: "ENOTEMPTY" });
  assert.throws(() => writer.remove("src"), { code: "ENOTEMPTY" });
  assert.throws(() => writer.remove("absent"), { code: "ENOENT" });
  assert.throws(() => writer.remove(""), { code: "EBUSY" });
  writer.remove("src/b.c");
  writer.remove("src/a.c");
  writer.remove("src");
  assert.equal(reader.lookup("src/a.c"), undefined);
  assert.deepEqual(reader.children(""), []);
  assert.equal(reader.header.structureSeq % 2n, 0n);
  writer.close();
  assert.throws(() => writer.find("src"), { code: "EBADF" });
  writer.close();
});

test("growth: a new file; the old mapping stays right and says that it is superseded", () => {
  const path = join(folder, "grow");
  let replaced = 0;
  const writer = IndexWriter.create(path, options({ onReplaced: () => (replaced += 1) }));
  writer.publish();
  writer.setTransaction(9n);
  writer.setDistrust(6);
  writer.insert("first", value(1, VIRTUAL));
  const old = IndexReader.open(path);
  const number = writer.find("first");
  for (let i = 0; i < 3000; i += 1) writer.insert(`file${i}`, value(i, VIRTUAL));
  assert.ok(replaced >= 1);
  assert.equal(old.header.superseded, true);
  assert.equal(old.lookup("first")?.number, number);
  const reader = IndexReader.open(path);
  assert.equal(reader.header.superseded, false);
  assert.equal(reader.lookup("first")?.number, writer.find("first"));
  assert.equal(reader.lookup("file2999")?.blocks, 2999);
  assert.deepEqual([reader.header.transaction, reader.header.distrust, reader.header.alive], [9n, 6, true]);

  // Names that come and go use up the pool of keys, not the table: the file is made anew, no larger.
  const capacity = reader.header.entryCapacity;
  for (let i = 0; i < 6000; i += 1) {
    writer.insert(`${"temporary".repeat(20)}${i}`, value(i, VIRTUAL));
    writer.remove(`${"temporary".repeat(20)}${i}`);
  }
  assert.ok(replaced >= 2);
  assert.equal(IndexReader.open(path).header.entryCapacity, capacity);
  assert.equal(existsSync(`${path}.grow`), false);
  writer.close();
});

test("publishing tells the programs that map the file of a daemon before", () => {
  const path = join(folder, "again");
  const first = IndexWriter.create(path, options());
  first.publish();
  const mapped = IndexReader.open(path);
  first.close();
  const second = IndexWriter.create(path, options());
  assert.equal(mapped.header.superseded, false, "not before the new file has the name");
  second.publish();
  assert.equal(mapped.header.superseded, true);
  second.close();

  // What is no index at the name is replaced all the same; an unpublished file leaves nothing.
  writeFileSync(path, "junk");
  const third = IndexWriter.create(path, options());
  third.publish();
  third.close();
  IndexWriter.create(path, options()).close();
  assert.equal(existsSync(`${path}.new`), false);
});

test("the file of a daemon before is taken over when it is whole and current, and not otherwise", async () => {
  const path = join(folder, "taken-over");
  const first = IndexWriter.create(path, options());
  first.fill([
    ["d", value(1, DIR)],
    ["d/v", value(2, VIRTUAL)],
    ["d/.git", value(3, Number(constants.ENTRY_KERNEL | constants.ENTRY_DIR))],
    ["whole", value(4, DIR | Number(constants.ENTRY_COMPLETE))],
    [`d/${"long".repeat(30)}`, value(5, VIRTUAL)],
  ]);
  first.setTransaction(7n);
  first.setHeld(5);
  first.setDistrust(0);
  first.publish();
  assert.equal(IndexWriter.reopen(path, options(), 7n), undefined, "its writer lives");
  const mapped = IndexReader.open(path);
  first.close();
  assert.equal(IndexWriter.reopen(path, options(), 8n), undefined, "another transaction");
  assert.equal(IndexWriter.reopen(path, options({ rootIno: 78n }), 7n), undefined, "another root");
  assert.equal(IndexWriter.reopen(path, options({ rootPath: "/elsewhere" }), 7n), undefined);
  assert.equal(IndexWriter.reopen(join(folder, "nothing"), options(), 7n), undefined);

  const kept = IndexWriter.reopen(path, options(), 7n) ?? assert.fail("not taken over");
  assert.deepEqual(
    [kept.header.virtualEntries, kept.header.virtualBytes, kept.header.heldHashes],
    [2, 7n << 33n, 5],
  );
  assert.deepEqual(await surveyed(kept, false), ["", "d", "d/.git"]);
  assert.deepEqual(await surveyed(kept, true), ["", "d", "d/.git", "whole"]);
  assert.deepEqual([mapped.header.alive, mapped.header.distrust], [true, 1], "distrusted before it is alive");
  kept.put("d/v", value(9, VIRTUAL));
  kept.insert("d/new", value(10, VIRTUAL));
  assert.equal(mapped.lookup("d/v")?.blocks, 9);
  assert.equal(mapped.lookup("d/new")?.blocks, 10);
  kept.close();

  const bytes = readFileSync(path);
  const damaged = (name: string, change: (copy: Buffer) => void): string => {
    const copy = Buffer.from(bytes);
    change(copy);
    writeFileSync(join(folder, name), copy, { mode: 0o600 });
    return join(folder, name);
  };
  const entry = mapped.header.entriesOffset + (mapped.lookup("d/v")?.number ?? 0) * 128;
  const offset = offsetsOf(indexHeader);
  const cases: Record<string, (copy: Buffer) => void> = {
    "in a change of names": (copy) => copy.writeUInt8(1, offset("structure_seq")),
    "in a change of an entry": (copy) => copy.writeUInt32LE(copy.readUInt32LE(entry) + 1, entry),
    "a file of before the machine was started": (copy) => copy.writeUInt8(~copy.readUInt8(240) & 255, 240),
    "no index": (copy) => copy.fill(0, 0, 8),
  };
  assert.ok(
    IndexWriter.reopen(
      damaged("as it was", () => undefined),
      options(),
      7n,
    )?.close() === undefined,
  );
  for (const [what, change] of Object.entries(cases))
    assert.equal(IndexWriter.reopen(damaged(what, change), options(), 7n), undefined, what);

  const unsound: Record<string, (copy: Buffer) => void> = {
    "a link out of bounds": (copy) => copy.writeUInt32LE(0xffff_fff0, entry + 56),
    "an entry without a tag": (copy) =>
      copy.writeUInt16LE(0, mapped.header.tagsOffset + 2 * (mapped.lookup("d/v")?.number ?? 0)),
  };
  for (const [what, change] of Object.entries(unsound)) {
    const writer = IndexWriter.reopen(damaged(what, change), options(), 7n) ?? assert.fail(what);
    await assert.rejects(surveyed(writer, false), { code: "EINVAL" }, what);
    writer.close();
  }
});

/** Keys of what a survey tells. */
async function surveyed(writer: IndexWriter, all: boolean): Promise<string[]> {
  const keys: string[] = [];
  await writer.survey(all, ({ key }) => keys.push(key));
  return keys.sort();
}

test("trust: seen follows the marks, but not of a word with something in flight", () => {
  const path = join(folder, "trust");
  const marks = Marks.open(join(folder, "marks"));
  const writer = IndexWriter.create(path, options());
  writer.insert("a", value(1, VIRTUAL));
  writer.publish();
  const reader = IndexReader.open(path);
  assert.equal(reader.trusted("a", marks.buffer), false, "distrust is set until the first comparison");
  writer.setDistrust(0);
  assert.equal(reader.trusted("a", marks.buffer), true);
  marks.bump("a");
  assert.equal(reader.trusted("a", marks.buffer), false);
  assert.equal(reader.trusted("b", marks.buffer), true);
  writer.publishSeen(marks.snapshot());
  assert.equal(reader.trusted("a", marks.buffer), true);

  const word = Number((native.pathHash(Buffer.from("a")) >> 16n) & 0xffffn);
  const words = new BigUint64Array(marks.buffer);
  const add = (what: bigint): void => {
    Atomics.add(words, Number(constants.MARK_SUMMARY), what);
    Atomics.add(words, word, what);
  };
  add(constants.MARK_BEGIN);
  assert.equal(reader.trusted("b", marks.buffer), true, "its own word is clean, whatever the summary says");
  writer.publishSeen(marks.snapshot());
  assert.equal(reader.trusted("a", marks.buffer), false, "an operation runs");
  add(constants.MARK_END);
  assert.equal(reader.trusted("a", marks.buffer), false, "it changed something");
  writer.publishSeen(marks.snapshot());
  assert.equal(reader.trusted("a", marks.buffer), true);
  writer.setDistrust(2);
  assert.equal(reader.trusted("a", marks.buffer), false);
  writer.setDistrust(0);
  writer.close();
  assert.equal(reader.trusted("a", marks.buffer), false);
});

test("kill -9 of the writer shows in the file within milliseconds", async () => {
  const path = join(folder, "killed");
  const module = new URL("./index-file.js", import.meta.url).href;
  const script = `
    const { IndexWriter } = await import(${JSON.stringify(module)});
    const writer = IndexWriter.create(${JSON.stringify(path)}, { workspaceId: "0".repeat(32), kind: 0, rootPath: "/p",
      rootDev: 1n, rootIno: 1n, sourcePath: "/s", sourceDev: 1n, uid: 0, gid: 0 });
    writer.publish();
    writer.setDistrust(0);
    console.log("ready");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  const reader = IndexReader.open(path);
  assert.equal(reader.header.alive, true);
  const beat = reader.header.heartbeatNs;
  const until = performance.now() + 10_000;
  while (reader.header.heartbeatNs - beat < 200_000_000n) {
    assert.ok(performance.now() < until, "the heartbeat goes on");
    await sleep(20);
  }

  const start = process.hrtime.bigint();
  child.kill("SIGKILL");
  while (reader.header.alive && process.hrtime.bigint() - start < 20_000_000_000n) await sleep(1);
  const took = Number(process.hrtime.bigint() - start) / 1e6;
  assert.equal(reader.header.alive, false);
  // At once, and not when the heartbeat is stale; the rest is for a machine that has other things to do.
  assert.ok(took < 5000, `${took} ms`);
  console.log(`dead after ${took.toFixed(1)} ms`);
});

test("a file of others, a short one and a link are refused", () => {
  const path = join(folder, "refused");
  const writer = IndexWriter.create(path, options());
  writer.publish();
  const bytes = readFileSync(path);
  const copy = (name: string, content: Buffer, mode: number) => {
    writeFileSync(join(folder, name), content, { mode });
    return join(folder, name);
  };
  IndexReader.open(copy("copy", bytes, 0o600));
  assert.throws(() => IndexReader.open(copy("open", bytes, 0o640)), { code: "EACCES" });
  assert.throws(() => IndexReader.open(copy("short", bytes.subarray(0, 100), 0o600)), {
    code: "VRIFT_DAMAGED",
  });
  assert.throws(() => IndexReader.open(copy("cut", bytes.subarray(0, -64), 0o600)), {
    code: "VRIFT_DAMAGED",
  });
  execFileSync("ln", ["-s", path, join(folder, "link")]);
  assert.throws(() => IndexReader.open(join(folder, "link")), { code: "ELOOP" });
  writer.close();
});

test("a full disk is an error, and no file stays", (t) => {
  const mount = join(folder, "small");
  try {
    execFileSync("sh", ["-c", `mkdir "$0" && mount -t tmpfs -o size=1m none "$0"`, mount], {
      stdio: "ignore",
    });
  } catch {
    t.diagnostic("a small file system cannot be mounted here; the limit on file sizes is tried instead");
    const script = `ulimit -f 100; trap '' XFSZ; exec "$0" --input-type=module -e "$1"`;
    const code = `const { native } = await import(${JSON.stringify(new URL("../platform/native.js", import.meta.url).href)});
      try { native.indexCreate(${JSON.stringify(join(folder, "big"))}, { workspaceId: "0".repeat(32), kind: 0, rootPath: "/p",
        rootDev: 1n, rootIno: 1n, sourcePath: "/s", sourceDev: 1n, uid: 0, gid: 0, entryCapacity: 1000, keysSize: 1000 });
      } catch (error) { console.log(error.code); }`;
    assert.equal(execFileSync("sh", ["-c", script, process.execPath, code], { encoding: "utf8" }), "EFBIG\n");
    assert.equal(existsSync(join(folder, "big")), false);
    return;
  }
  try {
    const path = join(mount, "index");
    assert.throws(() => IndexWriter.create(path, options({ expectedEntries: 100_000 })), { code: "ENOSPC" });
    assert.equal(existsSync(`${path}.new`), false);
    closeSync(openSync(path, "w"));
  } finally {
    execFileSync("umount", [mount]);
  }
});

test("marks and stripes that a power cut left without their bytes are mended", () => {
  const run = mkdtempSync(join(folder, "cut-"));
  writeFileSync(join(run, "stripes"), "");
  writeFileSync(join(run, "marks"), Buffer.alloc(100, 1));
  makeStripes(run);
  const { buffer } = Marks.open(join(run, "marks"));
  assert.equal(statSync(join(run, "stripes")).size, 4096);
  assert.equal(statSync(join(run, "marks")).size, MARKS_SIZE);
  assert.equal(new Uint8Array(buffer)[99], 1);
  writeFileSync(join(run, "stripes"), Buffer.alloc(5000));
  assert.throws(() => makeStripes(run), { code: "VRIFT_DAMAGED" });
});

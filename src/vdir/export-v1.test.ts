import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { IndexValue } from "../platform/native.js";
import { ManifestExport } from "./export-v1.js";
import { IndexWriter } from "./index-file.js";
import { constants } from "./layout.js";

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "vrift-export-"));
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

const DIR = Number(constants.ENTRY_DIR | constants.ENTRY_BACKED);
const LINK = Number(constants.ENTRY_SYMLINK | constants.ENTRY_BACKED);
const FILE = Number(constants.ENTRY_VIRTUAL);
const KERNEL = Number(constants.ENTRY_KERNEL);

function value(flags: number, mode: number, size = 0n, mtimeNs = 0n): IndexValue {
  return { flags, mode, size, mtimeNs, ctimeNs: 0n, ino: 0n, blocks: 0, hash: Buffer.alloc(32) };
}

function writerOf(name: string, tree: readonly (readonly [string, IndexValue])[]): IndexWriter {
  const writer = IndexWriter.create(join(folder, name), {
    workspaceId: "0".repeat(32),
    kind: 0,
    rootPath: "/p",
    rootDev: 1n,
    rootIno: 1n,
    sourcePath: "/s",
    sourceDev: 1n,
    uid: 0,
    gid: 0,
  });
  writer.fill(tree);
  return writer;
}

interface Answer {
  readonly key: string;
  readonly bloom: boolean;
  readonly stat: null | { size: number; mtime: number; mtime_nsec: number; mode: number; flags: number };
  readonly children: null | Record<string, boolean>;
}

/** What the reader in Python, which knows the specification only, says of the keys. */
function readByPython(path: string, keys: readonly string[]): Map<string, Answer> {
  const script = fileURLToPath(new URL("../../../test/python/read_manifest_export.py", import.meta.url));
  const input = keys.map((key) => `${JSON.stringify(key)}\n`).join("");
  const lines = execFileSync("python3", [script, path], { input, encoding: "utf8", maxBuffer: 1 << 28 })
    .trim()
    .split("\n");
  return new Map(lines.map((line) => JSON.parse(line) as Answer).map((answer) => [answer.key, answer]));
}

const withPython = {
  skip: spawnSync("python3", ["--version"]).status === 0 ? false : "python3 is not installed",
};

test("a Python reader written from the specification finds the tree in the export", withPython, async () => {
  const long = "n".repeat(128);
  const tree: [string, IndexValue][] = [
    ["src", value(DIR, 0o40755)],
    ["src/empty", value(DIR, 0o40700)],
    ["src/ünï.c", value(FILE, 0o100644, 5_000_000_000n, 1_700_000_000_123_456_789n)],
    ["src/old", value(FILE, 0o104755, 1n, -1n)],
    [`src/${long}`, value(FILE, 0o100600, 2n)],
    [`src/${long.slice(1)}`, value(FILE, 0o100600, 3n)],
    ["link", value(LINK, 0o120777, 4n)],
    [".git", value(KERNEL, 0o40755)],
  ];
  for (let i = 0; i < 3000; i += 1) tree.push([`src/empty/file${i}`, value(FILE, 0o100644, BigInt(i))]);
  const writer = writerOf("python", tree);
  const path = join(folder, "python.mmap");
  const exporter = new ManifestExport(path, assert.ifError);
  exporter.schedule(() => writer.handle);
  await exporter.flush();
  assert.equal(statSync(path).mode & 0o7777, 0o600);

  const absent = ["nowhere", "src/nowhere", "/src", "src/", ".git"];
  const found = readByPython(path, ["", ...tree.map(([key]) => key), ...absent]);
  for (const key of absent) assert.equal(found.get(key)?.stat, null, key);
  for (const [key, { flags, mode, size, mtimeNs }] of tree) {
    if (flags === KERNEL) continue;
    const seconds = Number(
      (mtimeNs - (((mtimeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n)) / 1_000_000_000n,
    );
    const stat = {
      size: Number(size),
      mtime: seconds,
      mtime_nsec: Number(mtimeNs - BigInt(seconds) * 1_000_000_000n),
      mode: mode & 0o7777,
      flags: flags & 3,
    };
    assert.deepEqual(found.get(key)?.stat, stat, key);
    assert.equal(found.get(key)?.bloom, true);
  }
  assert.ok(absent.some((key) => found.get(key)?.bloom === false));
  assert.equal(found.get("")?.stat?.flags, 1);
  assert.deepEqual(found.get("")?.children, { src: true, link: false });
  assert.deepEqual(found.get("src")?.children, {
    empty: true,
    "ünï.c": false,
    old: false,
    [long.slice(1)]: false,
  });
  assert.equal(Object.keys(found.get("src/empty")?.children ?? {}).length, 3000);
  assert.equal(found.get("link")?.children, null);
  await exporter.close();
  assert.equal(existsSync(path), false);
  writer.close();
});

test("of two keys with one hash neither is exported", async () => {
  // The layout compares no names: whoever looked for one would get the other.
  const pair = ["8yn0iYCKYHlIj4-BwPqk", "GReLUrM4wMqfg9yzV3KQ"];
  const writer = writerOf(
    "collision",
    [...pair, "other"].map((key) => [key, value(FILE, 0o100644)]),
  );
  const path = join(folder, "collision.mmap");
  const exporter = new ManifestExport(path, assert.ifError);
  exporter.schedule(() => writer.handle);
  await exporter.flush();
  const bytes = readFileSync(path);
  assert.equal(bytes.readUInt32LE(8), 2, "entry_count: the root and the other");
  assert.equal(bytes.readUInt32LE(36), 1, "children_count");
  assert.equal(bytes.includes(Buffer.from(pair[0] ?? "")), false);
  await exporter.close();
  writer.close();
});

test(
  "hashes that mean something else in a slot: the names that have them, together and alone",
  withPython,
  async () => {
    // FNV-1a 64 of the first two is 0, of the third 1: all are written as 2.
    const [zero, other, one] = ["77kepQFQ8Kl", "!0IC=VloaY", "*WYjbkf%~D"] as const;
    const path = join(folder, "reserved.mmap");
    for (const there of [[zero, one], [zero], [one], []]) {
      const writer = writerOf(`reserved-${there.join("-").length}-${there[0] ?? ""}`, [
        ["plain", value(FILE, 0o100644, 7n)],
        ...there.map((key) => [key, value(FILE, 0o100644, 5n)] as const),
      ]);
      const exporter = new ManifestExport(path, assert.ifError);
      exporter.schedule(() => writer.handle);
      await exporter.flush();
      const alone = there.length === 1;
      const found = readByPython(path, ["", "plain", ...there, ...(alone ? [] : [other])]);
      assert.equal(found.get("plain")?.stat?.size, 7);
      for (const key of there) assert.equal(found.get(key)?.stat?.size, alone ? 5 : undefined, key);
      if (!alone) assert.equal(found.get(other)?.stat, null);
      const listed = Object.keys(found.get("")?.children ?? {});
      assert.deepEqual(listed.sort(), [...(alone ? there : []), "plain"].sort());
      await exporter.close();
      writer.close();
    }
  },
);

test("changes are gathered and visible within 100 ms; errors are told and do not end it", async () => {
  const writer = writerOf("delay", []);
  const path = join(folder, "delay.mmap");
  const errors: unknown[] = [];
  const exporter = new ManifestExport(path, (error) => errors.push(error));
  const entries = () => (existsSync(path) ? readFileSync(path).readUInt32LE(8) : 0);
  for (let i = 0; i < 50; i += 1) {
    writer.insert(`file${i}`, value(FILE, 0o100644));
    exporter.schedule(() => writer.handle);
  }
  const start = performance.now();
  while (entries() !== 51 && performance.now() - start < 20_000) await sleep(2);
  const took = performance.now() - start;
  assert.ok(took < 2000, `${took} ms; 100 on a machine with nothing else to do`);

  // A change made while a build runs is in the next one.
  exporter.schedule(() => writer.handle);
  const flushed = exporter.flush();
  writer.insert("late", value(FILE, 0o100644));
  exporter.schedule(() => writer.handle);
  await flushed;
  assert.equal(entries(), 52);
  assert.equal(errors.length, 0);
  await exporter.close();
  exporter.schedule(() => writer.handle);
  await exporter.flush();
  assert.equal(existsSync(path), false, "nothing is written after close");

  const nowhere = new ManifestExport(join(folder, "absent", "x"), (error) => errors.push(error));
  nowhere.schedule(() => writer.handle);
  await nowhere.flush();
  assert.equal((errors[0] as NodeJS.ErrnoException).code, "ENOENT");
  assert.deepEqual(
    readdirSync(folder).filter((name) => /mmap\.[0-9a-f]{16}/.test(name)),
    [],
  );
  writer.close();
});

/** The store with several processes, some of them killed. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { hashBytes, hashToHex } from "../platform/hash.js";
import { parseBlobName } from "./blob-names.js";
import { openStore } from "./content-store.js";
import { removeAbandoned } from "./incoming.js";
import { createNamed } from "./private-file.js";
import type { ContentStore } from "./store.js";

const fixture = fileURLToPath(new URL("concurrency.fixture.js", import.meta.url));

let base: string;
let store: ContentStore;
let children: ChildProcess[];

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), "vrift-together-"));
  store = await openStore(join(base, "source"));
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  store.close();
  rmSync(base, { recursive: true, force: true });
});

interface Running {
  readonly child: ChildProcess;
  /** Resolves with the exit code (null: killed). */
  readonly ended: Promise<number | null>;
  /** Complete lines so far. */
  lines(): string[];
}

function start(...args: string[]): Running {
  const child = spawn(process.execPath, [fixture, store.path, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { child, ended, lines: () => text.split("\n").slice(0, -1) };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(condition());
}

function makeTree(name: string, files: number): string {
  const directory = join(base, name);
  mkdirSync(directory);
  for (let index = 0; index < files; index++) {
    writeFileSync(join(directory, `file${index}`), `content ${index}`.repeat(1 + (index % 7) * 5_000));
  }
  return directory;
}

function assertEveryBlobIsWhole(): number {
  let blobs = 0;
  for (const shard of readdirSync(join(store.path, "blake3"))) {
    for (const name of readdirSync(join(store.path, "blake3", shard))) {
      const id = parseBlobName(name);
      assert.ok(id, `${name} is no blob`);
      const bytes = readFileSync(join(store.path, "blake3", shard, name));
      assert.equal(BigInt(bytes.length), id.size);
      assert.ok(hashBytes(bytes).equals(id.hash), name);
      blobs++;
    }
  }
  return blobs;
}

for (const how of ["copy", "link"]) {
  test(`four processes import the same content by ${how}`, { timeout: 30_000 }, async () => {
    const running = [0, 1, 2, 3].map((index) => start("import", makeTree(`tree${index}`, 60), how));
    for (const { ended } of running) assert.equal(await ended, 0);
    assert.equal(assertEveryBlobIsWhole(), 60);
    assert.deepEqual(readdirSync(join(store.path, "incoming")), []);
    assert.deepEqual(readdirSync(join(store.path, "trash")), []);
    assert.deepEqual(readdirSync(join(store.path, "leases")), []);
    for (let index = 0; index < 4; index++) {
      for (let file = 0; file < 60; file++) {
        const bytes = readFileSync(join(base, `tree${index}`, `file${file}`), "utf8");
        assert.equal(bytes, `content ${file}`.repeat(1 + (file % 7) * 5_000));
      }
    }
  });
}

test(
  "kill -9 during imports: every blob is whole, what was reported is there",
  { timeout: 30_000 },
  async () => {
    const tree = makeTree("tree", 400);
    for (const how of ["copy", "link", "copy"]) {
      const running = start("import", tree, how);
      await until(() => running.lines().length > 20);
      running.child.kill("SIGKILL");
      assert.equal(await running.ended, null);
      assertEveryBlobIsWhole();
      for (const hex of running.lines()) assert.ok(store.findBlob(Buffer.from(hex, "hex")), hex);
    }
    const again = start("import", tree, "link");
    assert.equal(await again.ended, 0);
    assert.equal(assertEveryBlobIsWhole(), 400);
  },
);

test("a lease is seen by others until its process ends, however it ends", async () => {
  const hash = hashBytes(Buffer.from("needed"));
  const other = hashBytes(Buffer.from("not needed"));
  const holder = start("lease", hashToHex(hash));
  await until(() => holder.lines().length > 0);
  const leased = store.leased();
  assert.ok(leased.has(hash));
  assert.ok(!leased.has(other));
  assert.equal(readdirSync(join(store.path, "leases")).length, 1);
  holder.child.kill("SIGKILL");
  await holder.ended;
  assert.ok(!store.leased().has(hash));
  assert.deepEqual(readdirSync(join(store.path, "leases")), []);
});

test("a lease of this process, added to and released", () => {
  const lease = store.lease();
  const second = store.lease();
  const hashes = ["a", "b", "c"].map((text) => hashBytes(Buffer.from(text)));
  for (const hash of [...hashes, ...hashes]) lease.add(hash);
  second.add(hashes[0]!);
  assert.equal(store.leased().size, 3);
  lease.release();
  lease.release();
  assert.equal(store.leased().size, 1);
  second.release();
  assert.equal(store.leased().size, 0);
  assert.throws(() => {
    lease.add(hashes[0]!);
  });
});

test("incoming/: a dead process's file goes, one being written stays", () => {
  const incoming = join(store.path, "incoming");
  writeFileSync(join(incoming, ".dead.1.1.tmp"), "half");
  const live = createNamed(incoming, "live");
  removeAbandoned(incoming);
  assert.equal(readdirSync(incoming).length, 2, "young: may not hold its lock yet");
  removeAbandoned(incoming, Date.now() + 120_000);
  assert.equal(readdirSync(incoming).length, 1);
  live.publish(join(base, "published"));
  live.close();
  assert.deepEqual(readdirSync(incoming), []);
  assert.equal(lstatSync(join(base, "published")).nlink, 1);
  utimesSync(join(base, "published"), 1, 1);
});

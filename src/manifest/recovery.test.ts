/** Journals as crashes and damage leave them: every length, flipped bits, gaps, and disks that refuse. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { VriftError } from "../platform/errors.js";
import { scanLog } from "../platform/record-log.js";
import type { JournalDamage } from "./journal-recovery.js";
import { readLmdbMeta } from "./lmdb-file.js";
import { openManifest } from "./lmdb-manifest.js";
import { type Manifest, type ManifestMeta, type ManifestRecord, ROOT_ID } from "./manifest.js";

let base: string;
let copies = 0;
before(() => {
  base = mkdtempSync(join(tmpdir(), "vrift-recovery-"));
});
after(() => {
  rmSync(base, { recursive: true, force: true });
});

function record(id: bigint): ManifestRecord {
  const hash = new Uint8Array(32);
  return { id, flags: 4, mode: 0o600, size: id, mtimeNs: 0n, ctimeNs: 0n, blocks: 0, hash, stamp: null };
}

async function put(manifest: Manifest, name: string): Promise<void> {
  await manifest.apply([{ type: "put", parent: ROOT_ID, name, record: record(manifest.nextId()) }]);
}

function names(manifest: Manifest): string[] {
  return [...manifest.children(ROOT_ID)].map(([name]) => name);
}

function journals(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => /^journal\.[0-9a-f]{16}$/.test(name))
    .sort()
    .map((name) => join(directory, name));
}

/** As a killed process leaves a directory: LMDB has "settled", the journal has "a", "b" and "c". */
async function crashed(): Promise<string> {
  const live = join(base, `live${++copies}`);
  const manifest = await openManifest(live, { commitDelayMs: 60_000 });
  await put(manifest, "settled");
  await manifest.sync();
  for (const name of ["a", "b", "c"]) await put(manifest, name);
  const copy = copyOf(live);
  await manifest.close();
  return copy;
}

function copyOf(directory: string): string {
  const copy = join(base, `copy${++copies}`);
  mkdirSync(copy);
  for (const name of readdirSync(directory)) copyFileSync(join(directory, name), join(copy, name));
  return copy;
}

interface Opened {
  readonly manifest: Manifest & ManifestMeta;
  readonly damage: JournalDamage[];
}

async function open(directory: string): Promise<Opened> {
  const damage: JournalDamage[] = [];
  const manifest = await openManifest(directory, {
    commitDelayMs: 60_000,
    onDamage: (error, details) => {
      assert.equal(error.code, "VRIFT_DAMAGED");
      damage.push(details);
    },
  });
  return { manifest, damage };
}

describe("the journal of a killed process", () => {
  test("is replayed, and removed by the next commit", async () => {
    const directory = await crashed();
    const { manifest, damage } = await open(directory);
    assert.deepEqual(names(manifest), ["a", "b", "c", "settled"]);
    assert.equal(manifest.count(), 4);
    assert.equal(manifest.sequence, 4n);
    assert.deepEqual(damage, []);
    await put(manifest, "d");
    const again = await open(copyOf(directory));
    assert.deepEqual(names(again.manifest), ["a", "b", "c", "d", "settled"]);
    await again.manifest.close();
    await manifest.close();
    assert.deepEqual(journals(directory), []);
  });

  test("cut at every byte of its last record: the record is gone, the others stand, nothing is reported", async () => {
    const template = await crashed();
    const [journal] = journals(template);
    const bytes = readFileSync(journal!);
    const last = scanLog(bytes).records.at(-1)!;
    for (let length = last.start; length < bytes.length; length++) {
      const directory = copyOf(template);
      truncateSync(journals(directory)[0]!, length);
      const { manifest, damage } = await open(directory);
      assert.deepEqual(names(manifest), ["a", "b", "settled"], `cut at ${length}`);
      assert.deepEqual(damage, []);
      await put(manifest, "d"); // goes on after the cut
      const again = await open(copyOf(directory));
      assert.deepEqual(names(again.manifest), ["a", "b", "d", "settled"]);
      assert.deepEqual(again.damage, []);
      await again.manifest.close();
      await manifest.close();
      rmSync(directory, { recursive: true });
    }
  });

  test("with zeros after it, as a power cut leaves it", async () => {
    const directory = await crashed();
    writeFileSync(journals(directory)[0]!, Buffer.alloc(5_000), { flag: "a" });
    const { manifest, damage } = await open(directory);
    assert.deepEqual(names(manifest), ["a", "b", "c", "settled"]);
    assert.deepEqual(damage, []);
    await manifest.close();
  });

  test("any flipped byte is reported, what comes before stands, the rest is kept", async () => {
    const template = await crashed();
    const bytes = readFileSync(journals(template)[0]!);
    const { records } = scanLog(bytes);
    const expected = ["a", "b", "c"];
    for (let at = 0; at < bytes.length; at += 7) {
      const directory = copyOf(template);
      const flipped = Buffer.from(bytes);
      flipped[at] = flipped[at]! ^ 0x10;
      writeFileSync(journals(directory)[0]!, flipped);
      const { manifest, damage } = await open(directory);
      const whole = records.findLastIndex(({ start }) => start <= at);
      assert.deepEqual(names(manifest), [...expected.slice(0, whole), "settled"], `flipped at ${at}`);
      assert.equal(damage.length, 1);
      assert.equal(damage[0]!.lastSequence, BigInt(whole + 1));
      assert.ok(readFileSync(damage[0]!.keptIn).equals(flipped.subarray(records[whole]!.start)));
      await put(manifest, "d");
      await manifest.close();
      const again = await open(directory);
      assert.deepEqual(again.damage, [], "reported once");
      assert.deepEqual(names(again.manifest), [...expected.slice(0, whole), "d", "settled"].sort());
      await again.manifest.close();
      assert.ok(existsSync(damage[0]!.keptIn));
      rmSync(directory, { recursive: true });
    }
  });

  test("a file of which LMDB has everything may be damaged", async () => {
    const live = join(base, "overtaken");
    const manifest = await openManifest(live, { commitDelayMs: 60_000 });
    await put(manifest, "a");
    const [old] = journals(live);
    const kept = readFileSync(old!);
    await manifest.sync();
    await put(manifest, "b");
    const directory = copyOf(live);
    await manifest.close();
    // The process was killed before it removed the file.
    kept[40] = kept[40]! ^ 1;
    writeFileSync(old!.replace(live, directory), kept);
    const { manifest: opened, damage } = await open(directory);
    assert.deepEqual(names(opened), ["a", "b"]);
    assert.deepEqual(damage, []);
    await opened.close();
    assert.deepEqual(journals(directory), []);
  });

  test("a missing file in between is damage", async () => {
    const live = join(base, "gap");
    let goOn = (): void => {};
    const manifest = await openManifest(live, {
      commitDelayMs: 60_000,
      beforeCommit: () => new Promise((resolve) => (goOn = resolve)),
    });
    await put(manifest, "a");
    const syncing = manifest.sync();
    await put(manifest, "b"); // into the next file
    const directory = copyOf(live);
    goOn();
    await syncing;
    const closing = manifest.close();
    await new Promise((resolve) => setImmediate(resolve));
    goOn();
    await closing;

    const both = await open(copyOf(directory));
    assert.deepEqual(names(both.manifest), ["a", "b"]);
    assert.deepEqual(both.damage, []);
    await both.manifest.close();

    assert.equal(journals(directory).length, 2);
    rmSync(journals(directory)[0]!);
    const opened = await open(directory);
    assert.deepEqual(names(opened.manifest), []);
    assert.match(opened.damage[0]!.reason, /change 2 follows change 0/);
    assert.ok(opened.damage[0]!.bytes > 0);
    await opened.manifest.close();
  });
});

describe("refusals", () => {
  test("a commit that fails refuses changes until one succeeds; nothing acknowledged is lost", async () => {
    const directory = join(base, "refusing");
    let refuse = true;
    let begun: () => void = () => undefined;
    let release: () => void = () => undefined;
    const underWay = new Promise<void>((resolve) => (begun = resolve));
    const released = new Promise<void>((resolve) => (release = resolve));
    const manifest = await openManifest(directory, {
      commitDelayMs: 20,
      beforeCommit: async () => {
        begun();
        await released;
        if (refuse) throw new VriftError("ENOSPC", "the store has no room");
      },
    });
    await put(manifest, "a");
    const during = assert.rejects(manifest.sync(), { code: "ENOSPC" });
    await underWay;
    await put(manifest, "b"); // while that commit is on its way
    release();
    await during;
    await assert.rejects(put(manifest, "c"), { code: "ENOSPC" });
    assert.deepEqual(names(manifest), ["a", "b"]);
    const killed = await open(copyOf(directory));
    assert.deepEqual(names(killed.manifest), ["a", "b"]);
    await killed.manifest.close();
    refuse = false;
    const succeeded = async (): Promise<boolean> =>
      put(manifest, "c").then(
        () => true,
        () => false,
      );
    // Tried again by itself.
    for (let looked = 0; looked < 1000 && !(await succeeded()); looked++) await wait(10);
    assert.deepEqual(names(manifest), ["a", "b", "c"]);
    await manifest.close();
    const again = await open(directory);
    assert.deepEqual(names(again.manifest), ["a", "b", "c"]);
    assert.equal(again.manifest.count(), 3);
    await again.manifest.close();
  });

  test("an LMDB file that was cut short is damaged, not a crash", async () => {
    const directory = join(base, "short");
    const manifest = await openManifest(directory);
    for (let i = 0; i < 300; i++) await put(manifest, `name ${i}`);
    await manifest.close();
    truncateSync(join(directory, "data.mdb"), 3 * 4096);
    await assert.rejects(openManifest(directory), { code: "VRIFT_DAMAGED" });
    truncateSync(join(directory, "data.mdb"), 100);
    await assert.rejects(openManifest(directory), { code: "VRIFT_DAMAGED" });
    writeFileSync(join(directory, "data.mdb"), Buffer.alloc(100_000, "not a database"));
    await assert.rejects(openManifest(directory), { code: "VRIFT_DAMAGED" });
  });

  test("an LMDB file that never got its first page is new", async () => {
    const directory = join(base, "unwritten");
    await (await openManifest(directory)).close();
    writeFileSync(join(directory, "data.mdb"), Buffer.alloc(8192));
    const manifest = await openManifest(directory);
    await put(manifest, "a");
    await manifest.close();
  });

  test("a journal that cannot grow takes the change back; what was acknowledged stands", async () => {
    const directory = join(base, "full");
    // A file size limit of 200 KiB (sh counts 512-byte blocks) is the portable full disk.
    const script = `trap '' XFSZ; ulimit -f 400; exec "$0" "$@"`;
    const fixture = fileURLToPath(new URL("full.fixture.js", import.meta.url));
    const run = spawnSync("sh", ["-c", script, process.execPath, fixture, directory], { encoding: "utf8" });
    assert.equal(run.status, 0, run.stderr);
    const { acknowledged, refused } = JSON.parse(run.stdout) as { acknowledged: string[]; refused: number };
    assert.ok(acknowledged.length > 100);
    assert.ok(refused > 0);
    const { manifest, damage } = await open(directory);
    assert.deepEqual(damage, []);
    assert.deepEqual(names(manifest), acknowledged.sort());
    assert.equal(manifest.count(), acknowledged.length);
    await manifest.close();
  });

  test("what we read of LMDB's file is what LMDB says", async () => {
    const directory = join(base, "meta");
    const manifest = await openManifest(directory);
    for (let i = 0; i < 3; i++) {
      await put(manifest, `name ${i}`);
      await manifest.sync();
      const read = readLmdbMeta(join(directory, "data.mdb"));
      assert.ok(read);
      assert.ok(read.lastPage > 1n);
      assert.equal(read.pageSize, 4096);
      assert.equal(read.transaction, BigInt(i) + 1n);
    }
    await manifest.close();
  });
});

/** What a sweep takes, what it leaves, what it counts. Beside other processes: sweep-stress.test.ts; killed: test/store/. */
import assert from "node:assert/strict";
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { VriftError } from "../platform/errors.js";
import { buildSweepFilter, readSweepFilter } from "../protocol/sweep-filter.js";
import { blobShard, storeLayout, sweptFile } from "./blob-names.js";
import { openStore } from "./content-store.js";
import type { BlobId, ContentStore, Lease } from "./store.js";
import { takeSweepLock } from "./sweep-lock.js";

let base: string;
let store: ContentStore;

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), "vrift-sweep-"));
  store = await openStore(join(base, "source"));
});
afterEach(() => {
  store.close();
  rmSync(base, { recursive: true, force: true });
});

const NOTHING = readSweepFilter(new Uint8Array(0));
const AT_ONCE = { graceMs: 0 };

async function put(text: string, lease?: Lease): Promise<BlobId> {
  const own = lease ?? store.lease();
  const { hash, size } = await store.importBytes(Buffer.from(text), own);
  if (lease === undefined) own.release();
  return { hash, size };
}

/** Without looking for it, which would bring it back. */
const inPlace = (id: BlobId): boolean => existsSync(store.blobPath(id));
const inTrash = (id: BlobId): boolean => existsSync(sweptFile(storeLayout(store.path), id));

describe("what stays", () => {
  test("what filter, lease, workspace and snapshot name stays; the rest is deleted and counted", async () => {
    const filtered = await put("filtered");
    const lease = store.lease();
    const leased = await put("leased", lease);
    const rooted = await put("rooted");
    const snapshot = await put("snapshot");
    const late = await put("added to a list later");
    const garbage = [await put("garbage"), await put("more garbage")];
    const roots = await store.roots("0".repeat(32));
    await roots.add([rooted.hash]);
    const kept = await store.roots("release-1.0");
    await kept.add([snapshot.hash]);
    await kept.add([late.hash]);
    kept.close();
    // As somebody puts a list back: no name we would give.
    renameSync(join(store.path, "roots", "release-1.0"), join(store.path, "roots", ".a copy (2) ü"));

    const filter = readSweepFilter(buildSweepFilter([filtered.hash], 4096));
    assert.deepEqual(await store.sweep(filter, AT_ONCE), { deletedCount: 2, reclaimedBytes: 19n });
    for (const id of [filtered, leased, rooted, snapshot, late]) assert.ok(inPlace(id));
    for (const id of garbage) {
      assert.ok(!inPlace(id) && !inTrash(id));
      assert.equal(store.statBlob(id), undefined);
    }
    lease.release();
    assert.deepEqual(await store.sweep(NOTHING, AT_ONCE), { deletedCount: 2, reclaimedBytes: 14n });
    await roots.remove();
    assert.deepEqual(await store.sweep(NOTHING, AT_ONCE), { deletedCount: 1, reclaimedBytes: 6n });
    assert.deepEqual(await store.sweep(NOTHING, AT_ONCE), { deletedCount: 0, reclaimedBytes: 0n });
  });

  test("names that are no blob's, the empty file and quarantine are left alone", async () => {
    const { hash } = await put("garbage");
    const shard = join(store.path, "blake3", blobShard(hash));
    const strange = [
      join(shard, "README"),
      join(shard, `${"c".repeat(64)}_5.bin`), // in another one's directory
      join(shard, `${blobShard(hash)}${"d".repeat(62)}_0.bin`),
      join(store.path, "blake3", "readme"),
      join(store.path, "trash", `${"e".repeat(64)}_3.bin.1700000000000.1.1.bad`),
    ];
    for (const path of strange) writeFileSync(path, "abc");
    mkdirSync(join(shard, `${blobShard(hash)}${"f".repeat(62)}_5.bin`));
    assert.deepEqual(await store.sweep(NOTHING, AT_ONCE), { deletedCount: 1, reclaimedBytes: 7n });
    for (const path of [...strange, join(store.path, "empty")]) assert.ok(existsSync(path), path);
    assert.equal(readdirSync(shard).length, 4);
  });

  test("a list that is being written is not read, one without a beginning is damage", async () => {
    const temporary = join(store.path, "roots", ".w.123.1.tmp");
    writeFileSync(temporary, "half");
    await store.sweep(NOTHING, AT_ONCE);
    renameSync(temporary, join(store.path, "roots", "w"));
    await assert.rejects(store.sweep(NOTHING, AT_ONCE), { code: "VRIFT_DAMAGED" });
  });
});

describe("the grace period", () => {
  test("counts from the rename; until then a lookup brings the blob back", async () => {
    const old = await put("old content");
    utimesSync(store.blobPath(old), 1, 1);
    const wanted = await put("wanted again");
    const graceMs = 300;
    assert.deepEqual(await store.sweep(NOTHING, { graceMs }), { deletedCount: 0, reclaimedBytes: 0n });
    assert.ok(inTrash(old) && inTrash(wanted));
    assert.equal(store.statBlob(wanted)?.size, 12n);
    assert.ok(inPlace(wanted) && !inTrash(wanted));
    await sleep(graceMs + 50);
    assert.deepEqual(await store.sweep(NOTHING, { graceMs }), { deletedCount: 1, reclaimedBytes: 11n });
    assert.ok(!inTrash(old));
    assert.ok(inTrash(wanted), "it was unnamed again, and begins a grace period of its own");
    assert.equal(store.findBlob(wanted.hash)?.size, 12n);
  });

  test("is an hour unless somebody says otherwise", async () => {
    const id = await put("content");
    await store.sweep(NOTHING);
    await store.sweep(NOTHING);
    assert.ok(inTrash(id));
    const hasty = await openStore(store.path, { graceMs: 0 });
    assert.equal((await hasty.sweep(NOTHING)).deletedCount, 1);
    hasty.close();
  });

  test("what has been named since goes back, however old", async () => {
    const [rooted, leased, filtered] = [await put("a"), await put("b"), await put("c")];
    await store.sweep(NOTHING);
    const lease = store.lease();
    lease.add(leased.hash);
    const roots = await store.roots("w");
    await roots.add([rooted.hash]);
    const filter = readSweepFilter(buildSweepFilter([filtered.hash], 4096));
    assert.equal((await store.sweep(filter, AT_ONCE)).deletedCount, 0);
    for (const id of [rooted, leased, filtered]) assert.ok(inPlace(id) && !inTrash(id));
    lease.release();
    roots.close();
  });

  test("content that was imported again while its blob lay in the trash", async () => {
    const id = await put("content");
    await store.sweep(NOTHING);
    const swept = sweptFile(storeLayout(store.path), id);
    writeFileSync(store.blobPath(id), readFileSync(swept)); // somebody who did not look
    const roots = await store.roots("w");
    await roots.add([id.hash]);
    await store.sweep(NOTHING);
    assert.ok(inPlace(id) && !inTrash(id));
    await roots.remove();
    assert.equal((await store.sweep(NOTHING, AT_ONCE)).deletedCount, 1);
  });
});

describe("a list that cannot be read: nothing is touched", () => {
  let garbage: BlobId;
  let list: string;
  beforeEach(async () => {
    garbage = await put("garbage");
    const roots = await store.roots("w");
    await roots.add([(await put("needed")).hash]);
    roots.close();
    list = join(store.path, "roots", "w");
  });

  const breakages: Readonly<Record<string, () => void>> = {
    "a flipped bit": () => {
      const bytes = readFileSync(list);
      bytes[90]! ^= 1;
      writeFileSync(list, bytes);
    },
    "an empty file": () => writeFileSync(list, ""),
    "half a head": () => writeFileSync(list, readFileSync(list).subarray(0, 40)),
    "a directory": () => {
      rmSync(list);
      mkdirSync(list);
    },
    "a link": () => {
      renameSync(list, join(base, "elsewhere"));
      symlinkSync(join(base, "elsewhere"), list);
    },
    "no lists at all": () => rmSync(join(store.path, "roots"), { recursive: true }),
  };
  for (const [what, damage] of Object.entries(breakages)) {
    test(what, async () => {
      const trashed = await put("swept before");
      await store.sweep(readSweepFilter(buildSweepFilter([garbage.hash], 4096)));
      assert.ok(inTrash(trashed));
      damage();
      await assert.rejects(store.sweep(NOTHING, AT_ONCE), (error) => {
        assert.ok(error instanceof VriftError);
        assert.equal(error.code, "VRIFT_DAMAGED");
        assert.match(error.message, /roots.*nothing may be deleted/s);
        return true;
      });
      assert.ok(inPlace(garbage) && inTrash(trashed));
    });
  }

  test("an unfinished record at the end is no damage", async () => {
    const whole = readFileSync(list);
    writeFileSync(list, Buffer.concat([whole, whole.subarray(46, 80)]));
    assert.equal((await store.sweep(NOTHING, AT_ONCE)).deletedCount, 1);
    assert.equal(readFileSync(list).length, whole.length + 34, "only its owner cuts it");
  });
});

test("a blob that is also a file in a tree: nothing is reclaimed, the file stays as it is", async () => {
  const path = join(base, "file");
  writeFileSync(path, "content of a file");
  utimesSync(path, 1_600_000_000, 1_600_000_000);
  const fd = openSync(path, "r");
  const lease = store.lease();
  const id = await store.importFile(fd, path, "link", lease);
  closeSync(fd);
  lease.release();
  assert.equal(id.method, "link");
  await store.sweep(NOTHING);
  assert.ok(inTrash(id));
  assert.equal(store.statBlob(id)?.sealed, false, "back");
  assert.equal(lstatSync(path).mtimeMs, 1_600_000_000_000, "coming back leaves its times alone");
  assert.deepEqual(await store.sweep(NOTHING, AT_ONCE), { deletedCount: 1, reclaimedBytes: 0n });
  assert.equal(readFileSync(path, "utf8"), "content of a file");
  chmodSync(path, 0o600);
});

test("one sweep at a time; the next one may begin when it has ended, also by an error", async () => {
  const other = takeSweepLock(storeLayout(store.path).sweepLock);
  await assert.rejects(store.sweep(NOTHING), { code: "EBUSY" });
  other();
  const [first, second] = await Promise.allSettled([store.sweep(NOTHING), store.sweep(NOTHING)]);
  assert.equal(first.status, "fulfilled");
  assert.equal(second.status, "rejected");
  writeFileSync(join(store.path, "roots", "w"), "damaged");
  await assert.rejects(store.sweep(NOTHING), { code: "VRIFT_DAMAGED" });
  rmSync(join(store.path, "roots", "w"));
  await store.sweep(NOTHING);
});

test("thousands: other work of the process gets its turns; closing the store ends a sweep", async () => {
  const lease = store.lease();
  for (let i = 0; i < 3000; i++) await put(`content ${i}`, lease);
  lease.release();
  let turns = 0;
  let running = true;
  const turn = (): void => {
    turns++;
    if (running) setImmediate(turn);
  };
  turn();
  assert.equal((await store.sweep(NOTHING)).deletedCount, 0);
  running = false;
  assert.ok(turns > 10, `${turns} turns`);

  const other = await openStore(store.path);
  const ended = assert.rejects(other.sweep(NOTHING, AT_ONCE), { code: "EBUSY" });
  other.close();
  await ended;
  const { deletedCount } = await store.sweep(NOTHING, AT_ONCE);
  assert.ok(deletedCount > 0 && deletedCount <= 3000);
  assert.equal((await store.usage()).blobs, 0);
});

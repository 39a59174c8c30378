/** Small files go the short way as soon as it is known that bytes are copied; nobody can tell the two ways apart. */
import assert from "node:assert/strict";
import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openStore } from "./content-store.js";
import type { ContentStore, FileImportResult } from "./store.js";

interface Place {
  readonly root: string;
  readonly store: ContentStore;
}

async function makePlace(t: TestContext): Promise<Place> {
  const root = mkdtempSync(join(tmpdir(), "vrift-put-"));
  const store = await openStore(join(root, "store"));
  for (const name of ["tree", "staging"]) mkdirSync(join(root, name));
  t.after(() => {
    store.close();
    rmSync(root, { recursive: true, force: true });
  });
  return { root, store };
}

async function take({ root, store }: Place, name: string, content: string): Promise<FileImportResult> {
  const path = join(root, "tree", name);
  writeFileSync(path, content);
  utimesSync(path, 1_600_000_000, 1_600_000_000);
  const lease = store.lease();
  const fd = openSync(path, "r");
  try {
    return await store.importFile(fd, path, "copy", lease);
  } finally {
    closeSync(fd);
    lease.release();
  }
}

test("blobs of the long and the short way are equal: sealed, private, of the file's bytes", async (t) => {
  const place = await makePlace(t);
  const [long, short, again] = [
    await take(place, "a", "first"),
    await take(place, "b", "second"),
    await take(place, "c", "second"),
  ];
  assert.deepEqual([short.method === "reflink", again.method], [long.method === "reflink", "present"]);
  for (const [id, content] of [
    [long, "first"],
    [short, "second"],
  ] as const) {
    const stat = lstatSync(place.store.blobPath(id), { bigint: true });
    assert.equal(readFileSync(place.store.blobPath(id), "utf8"), content);
    assert.deepEqual([stat.mode & 0o7777n, stat.mtimeNs], [0o444n, 1_000_000_000_000_000_000n]);
    assert.equal(place.store.statBlob(id)?.sealed, true);
  }
  assert.deepEqual(readdirSync(join(place.root, "store", "incoming")), []);
});

test("files that come out either way have their bytes, mode and time, and take no name that is taken", async (t) => {
  const place = await makePlace(t);
  const { store, root } = place;
  const id = await take(place, "a", "content");
  const mtimeNs = 1_234_567_890_123_456_789n;
  const out = (name: string): Promise<void> =>
    store.exportTo(id, join(root, "tree", name), join(root, "staging"), 0o640, mtimeNs);
  for (const name of ["long", "short"]) {
    await out(name);
    const stat = lstatSync(join(root, "tree", name), { bigint: true });
    assert.deepEqual([stat.mode & 0o7777n, stat.mtimeNs, stat.nlink], [0o640n, mtimeNs, 1n]);
    assert.equal(readFileSync(join(root, "tree", name), "utf8"), "content");
    await assert.rejects(out(name), { code: "EEXIST" });
  }
  assert.deepEqual(readdirSync(join(root, "staging")), []);
});

test("a flipped bit is found the short way, too: nothing appears, and the blob is out of the way", async (t) => {
  const place = await makePlace(t);
  const { store, root } = place;
  const [first, second] = [await take(place, "a", "content"), await take(place, "b", "another")];
  await store.exportTo(first, join(root, "tree", "warm"), join(root, "staging"), 0o600, 0n);
  const path = store.blobPath(second);
  const { atimeMs, mtimeMs, mode } = lstatSync(path);
  rmSync(path);
  writeFileSync(path, "anothes", { mode });
  utimesSync(path, atimeMs / 1000, mtimeMs / 1000);
  const to = join(root, "tree", "out");
  await assert.rejects(store.exportTo(second, to, join(root, "staging"), 0o600, 0n), { code: "EIO" });
  assert.throws(() => lstatSync(to), { code: "ENOENT" });
  assert.equal(store.statBlob(second), undefined);
});

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { type StoreLayout, blobFile, storeLayout, sweptFile } from "./blob-names.js";
import { lookUp } from "./blobs.js";
import { BlobFinder } from "./find-blob.js";
import type { BlobId } from "./store.js";

let layout: StoreLayout;
let finder: BlobFinder;
let looks: number;

beforeEach(() => {
  layout = storeLayout(mkdtempSync(join(tmpdir(), "vrift-find-")));
  looks = 0;
  finder = new BlobFinder(layout, (id) => {
    looks++;
    return lookUp(layout, id) !== undefined;
  });
});
afterEach(() => {
  rmSync(layout.path, { recursive: true });
});

/** All in one directory; `word` is the rest of the hash. */
function idOf(word: number, size = 3): BlobId {
  const hash = Buffer.alloc(32, 0xab);
  hash.writeUInt32LE(word, 8);
  hash.writeUInt32LE(word % 16, 1); // several share what the listing remembers
  return { hash, size: BigInt(size) };
}

function put(path: string, size: bigint): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.alloc(Number(size)));
}

const shard = (): string => dirname(blobFile(layout, idOf(0)));
/** As if nothing had changed in it for an hour. */
function settle(): void {
  utimesSync(shard(), new Date(Date.now() - 3_600_000), new Date(Date.now() - 3_600_000));
}

test("every blob is found with its size, absent ones are not", () => {
  assert.equal(finder.find(idOf(0).hash), undefined, "without a directory");
  for (let word = 0; word < 300; word++) put(blobFile(layout, idOf(word, 1 + word)), BigInt(1 + word));
  settle();
  for (let round = 0; round < 2; round++) {
    for (let word = 0; word < 300; word++) assert.equal(finder.find(idOf(word).hash)?.size, BigInt(1 + word));
    assert.equal(finder.find(idOf(300).hash), undefined);
  }
});

test("what comes, goes and comes back with another size", () => {
  const id = idOf(1);
  put(blobFile(layout, idOf(2)), 3n);
  settle();
  assert.equal(finder.find(id.hash), undefined);
  assert.equal(finder.find(id.hash), undefined);
  put(blobFile(layout, id), 3n);
  assert.equal(finder.find(id.hash)?.size, 3n);
  unlinkSync(blobFile(layout, id));
  assert.equal(finder.find(id.hash), undefined);
  put(blobFile(layout, idOf(1, 9)), 9n);
  assert.equal(finder.find(id.hash)?.size, 9n);
});

test("a change in the same tick of the clock is seen", () => {
  for (let word = 0; word < 200; word++) {
    assert.equal(finder.find(idOf(word).hash), undefined);
    put(blobFile(layout, idOf(word)), 3n);
    assert.equal(finder.find(idOf(word).hash)?.size, 3n, `${word}`);
  }
});

test("one that a sweep has moved is found and is back", () => {
  const id = idOf(1);
  put(sweptFile(layout, id), 3n);
  assert.equal(finder.find(id.hash)?.size, 3n);
  renameSync(blobFile(layout, id), sweptFile(layout, id));
  assert.equal(finder.find(id.hash)?.size, 3n);
});

test("a noted blob costs one look; thousands do not stay", () => {
  const id = idOf(7);
  put(blobFile(layout, id), 3n);
  finder.note(id);
  looks = 0;
  assert.equal(finder.find(id.hash)?.size, 3n);
  assert.equal(looks, 1);
  for (let word = 100; word < 6000; word++) finder.note(idOf(word));
  assert.equal(finder.find(id.hash)?.size, 3n);
});

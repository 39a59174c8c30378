import assert from "node:assert/strict";
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { VriftError } from "../platform/errors.js";
import { EMPTY_HASH, hashBytes, hashToHex } from "../platform/hash.js";
import { blobName, blobShard } from "./blob-names.js";
import { openStore } from "./content-store.js";
import type { BlobId, ContentStore, FileImportResult, Lease } from "./store.js";

let base: string;
let tree: string;
let store: ContentStore;
let lease: Lease;

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), "vrift-store-"));
  tree = join(base, "tree");
  mkdirSync(tree);
  store = await openStore(join(base, "source"));
  lease = store.lease();
});

afterEach(() => {
  lease.release();
  store.close();
  rmSync(base, { recursive: true, force: true });
});

function write(name: string, content: string | Uint8Array): string {
  const path = join(tree, name);
  writeFileSync(path, content);
  return path;
}

async function importPath(path: string, how: "link" | "copy"): Promise<FileImportResult> {
  const fd = openSync(path, "r");
  try {
    return await store.importFile(fd, path, how, lease);
  } finally {
    closeSync(fd);
  }
}

function mode(path: string): number {
  return statSync(path).mode & 0o7777;
}

function trash(): string[] {
  return readdirSync(join(store.path, "trash"));
}

function idOf(content: string | Uint8Array): BlobId {
  const bytes = Buffer.from(content);
  return { hash: hashBytes(bytes), size: BigInt(bytes.length) };
}

function withCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof VriftError && error.code === code;
}

describe("opening", () => {
  test("makes every directory 0700 and the empty file 0444, whatever the umask", async () => {
    const umask = process.umask(0o277);
    try {
      const other = await openStore(join(base, "deep", "er", "source"));
      for (const part of ["", "blake3", "roots", "leases", "trash", "incoming"]) {
        assert.equal(mode(join(other.path, part)), 0o700, part);
      }
      assert.equal(mode(join(base, "deep")), 0o700);
      assert.equal(mode(join(other.path, "empty")), 0o444);
      other.close();
    } finally {
      process.umask(umask);
    }
  });

  test("remakes an empty file that was written to", async () => {
    chmodSync(join(store.path, "empty"), 0o644);
    writeFileSync(join(store.path, "empty"), "not any more");
    (await openStore(store.path)).close();
    assert.equal(statSync(join(store.path, "empty")).size, 0);
    assert.equal(mode(join(store.path, "empty")), 0o444);
  });
});

describe("import by copy", () => {
  for (const size of [1, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_000]) {
    test(`${size} bytes get an inode of their own`, async () => {
      const content = Buffer.alloc(size, "vrift ");
      const path = write("file", content);
      const before = statSync(path, { bigint: true });
      const result = await importPath(path, "copy");
      assert.equal(hashToHex(result.hash), hashToHex(hashBytes(content)));
      assert.equal(result.size, BigInt(size));
      assert.ok(result.method === "copy" || result.method === "reflink");
      const blob = store.blobPath(result);
      assert.ok(readFileSync(blob).equals(content));
      assert.equal(mode(blob), 0o444);
      assert.notEqual(statSync(blob).ino, statSync(path).ino);
      assert.deepEqual(statSync(path, { bigint: true }).ctimeNs, before.ctimeNs);
      assert.equal(mode(join(store.path, "blake3", hashToHex(result.hash).slice(0, 2))), 0o700);
    });
  }

  test("the same content is present the second time, and touched", async () => {
    const first = await importPath(write("a", "same"), "copy");
    const blob = store.blobPath(first);
    await store.exportTo(first, join(tree, "x"), tree, 0o644, 1n);
    const { utimesSync } = await import("node:fs");
    utimesSync(blob, 1, 1);
    const second = await importPath(write("b", "same"), "copy");
    assert.equal(second.method, "present");
    assert.ok(statSync(blob).mtimeMs > 1_000_000);
  });

  test("an empty file needs no blob", async () => {
    const result = await importPath(write("a", ""), "link");
    assert.equal(result.method, "empty");
    assert.equal(hashToHex(result.hash), hashToHex(EMPTY_HASH));
    assert.equal(store.blobPath(result), join(store.path, "empty"));
    assert.equal(store.statBlob(result)?.size, 0n);
    await store.verifyBlob(result);
    assert.equal((await store.readBlob(result)).length, 0);
    assert.equal(readdirSync(join(store.path, "blake3")).length, 0);
  });

  test("refuses what is not a regular file", async () => {
    await assert.rejects(importPath(tree, "copy"), withCode("EINVAL"));
  });

  test("a file that grows while it is read is refused", async () => {
    const path = write("big", Buffer.alloc(80 << 20));
    const importing = importPath(path, "copy");
    const growing = setInterval(() => {
      writeFileSync(path, "more", { flag: "a" });
    }, 1);
    try {
      await assert.rejects(importing, withCode("EBUSY"));
    } finally {
      clearInterval(growing);
    }
    assert.deepEqual(await store.usage(), { blobs: 0, bytes: 0n });
  });
});

describe("import by link", () => {
  test("the inode itself becomes the blob, and is sealed when its own name is gone", async () => {
    const path = write("a", "linked");
    chmodSync(path, 0o644);
    const before = statSync(path, { bigint: true });
    const result = await importPath(path, "link");
    const blob = store.blobPath(result);
    assert.equal(result.method, "link");
    assert.equal(statSync(blob, { bigint: true }).ino, before.ino);
    assert.equal(mode(path), 0o644);
    assert.equal(statSync(path, { bigint: true }).mtimeNs, before.mtimeNs);
    assert.equal(result.stamp.ctimeNs, statSync(path, { bigint: true }).ctimeNs);
    assert.equal(store.statBlob(result)?.sealed, false);
    assert.equal(store.sealBlob(result), false);
    unlinkSync(path);
    assert.equal(store.sealBlob(result), true);
    assert.equal(mode(blob), 0o444);
    assert.equal(store.sealBlob(result), true);
    assert.equal(store.statBlob(result)?.sealed, true);
  });

  test("a killed run's link is recognised", async () => {
    const path = write("a", "linked");
    await importPath(path, "link");
    assert.equal((await importPath(path, "link")).method, "link");
    assert.equal(lstatSync(path).nlink, 2);
  });

  test("a forgotten seal: the content is checked and copied before anybody relies on it", async () => {
    const path = write("a", "linked");
    const result = await importPath(path, "link");
    const writer = openSync(path, "r+");
    unlinkSync(path);
    assert.equal(store.statBlob(result)?.sealed, false);
    assert.equal((await importPath(write("b", "linked"), "copy")).method, "present");
    writeFileSync(writer, "LINKED");
    closeSync(writer);
    assert.equal(store.statBlob(result)?.sealed, true);
    assert.equal((await store.readBlob(result)).toString(), "linked");
  });

  test("a forgotten seal on content that has changed: the blob is quarantined", async () => {
    const path = write("a", "linked");
    const result = await importPath(path, "link");
    const writer = openSync(path, "r+");
    unlinkSync(path);
    writeFileSync(writer, "LINKED");
    closeSync(writer);
    await assert.rejects(store.verifyBlob(result), withCode("EINVAL"));
    assert.equal(trash().length, 1);
    assert.equal((await importPath(write("b", "linked"), "copy")).method, "copy");
  });

  test("a second file with the content does not rely on the first one's inode", async () => {
    const first = write("a", "twice");
    const second = write("b", "twice");
    const mtime = statSync(first, { bigint: true }).mtimeNs;
    await importPath(first, "link");
    await assert.rejects(importPath(second, "link"), withCode("EBUSY"));
    const result = await importPath(second, "copy");
    assert.equal(result.method, "present");
    unlinkSync(second);
    writeFileSync(first, "other"); // in place, after the import
    assert.equal((await store.readBlob(result)).toString(), "twice");
    assert.equal(mode(store.blobPath(result)), 0o444);
    assert.equal(lstatSync(first).nlink, 1);
    assert.ok(mtime > 0n);
  });

  test("importing a duplicate leaves the first file's times alone", async () => {
    const first = write("a", "twice");
    const { stamp } = await importPath(first, "link");
    await importPath(write("b", "twice"), "copy");
    assert.equal(statSync(first, { bigint: true }).mtimeNs, stamp.mtimeNs);
  });

  test("a file whose blob has become another's is not sealed, though it has one name again", async () => {
    const first = write("a", "twice");
    const imported = await importPath(first, "link");
    await importPath(write("b", "twice"), "copy");
    const before = statSync(first, { bigint: true });
    const fd = openSync(first, "r");
    try {
      assert.equal(before.nlink, 1n);
      assert.equal(store.sealBlob(imported, fd), false);
    } finally {
      closeSync(fd);
    }
    const { mode: permissions, mtimeNs } = statSync(first, { bigint: true });
    assert.deepEqual([permissions, mtimeNs], [before.mode, before.mtimeNs]);
  });

  test("a shared blob whose file changed is not taken for present", async () => {
    const first = write("a", "before");
    const imported = await importPath(first, "link");
    writeFileSync(first, "AFTER!");
    const result = await importPath(write("b", "before"), "copy");
    assert.equal(result.method, "copy");
    assert.equal(hashToHex(result.hash), hashToHex(imported.hash));
    assert.equal((await store.readBlob(result)).toString(), "before");
    assert.equal(readFileSync(first, "utf8"), "AFTER!");
    assert.equal(lstatSync(first).nlink, 1);
  });

  test("is taken back when the file changed", async () => {
    const path = write("a", "before");
    const result = await importPath(path, "link");
    store.discardLinked(result, result.stamp.ino);
    assert.equal(store.statBlob(result), undefined);
    assert.equal(lstatSync(path).nlink, 1);
    assert.deepEqual(trash(), []);
  });

  test("discardLinked does not touch another inode", async () => {
    const path = write("a", "twice");
    const linked = await importPath(path, "link");
    await importPath(write("b", "twice"), "copy"); // made private
    store.discardLinked(linked, linked.stamp.ino);
    assert.ok(store.statBlob(linked));
  });

  test("a hard link of an unrelated file still imports", async () => {
    const path = write("a", "content");
    linkSync(path, join(tree, "b"));
    assert.equal((await importPath(path, "link")).method, "link");
    assert.equal(lstatSync(path).nlink, 3);
  });
});

describe("lookup and verification", () => {
  test("a blob of a wrong size is quarantined and not found", async () => {
    const result = await importPath(write("a", "content"), "copy");
    chmodSync(store.blobPath(result), 0o644);
    truncateSync(store.blobPath(result), 3);
    assert.equal(store.statBlob(result), undefined);
    assert.equal(trash().length, 1);
    assert.match(trash()[0]!, /\.bad$/);
    assert.equal(store.statBlob(result), undefined, "quarantined content is never restored");
    assert.equal((await importPath(write("b", "content"), "copy")).method, "copy");
  });

  test("a swept blob is restored by whoever looks for it", async () => {
    const result = await importPath(write("a", "content"), "copy");
    const swept = join(store.path, "trash", blobShard(result.hash));
    mkdirSync(swept);
    renameSync(store.blobPath(result), join(swept, blobName(result)));
    assert.equal(store.statBlob(result)?.size, 7n);
    assert.deepEqual(readdirSync(swept), []);
    renameSync(store.blobPath(result), join(swept, blobName(result)));
    assert.deepEqual(store.findBlob(result.hash)?.size, 7n);
    renameSync(store.blobPath(result), join(swept, blobName(result)));
    await store.exportTo(result, join(tree, "out"), tree, 0o600, 0n);
  });

  test("findBlob knows the size", async () => {
    const result = await importPath(write("a", "content"), "copy");
    assert.equal(store.findBlob(result.hash)?.size, 7n);
    assert.equal(store.findBlob(EMPTY_HASH)?.size, 0n);
    assert.equal(store.findBlob(hashBytes(Buffer.from("nothing"))), undefined);
  });

  test("verifyBlob: a claim that holds, an absent one, a wrong size, a flipped bit", async () => {
    const result = await importPath(write("a", "content"), "copy");
    await store.verifyBlob(result);
    await assert.rejects(store.verifyBlob(idOf("absent")), withCode("ENOENT"));
    await assert.rejects(store.verifyBlob({ hash: result.hash, size: 8n }), withCode("ENOENT"));
    chmodSync(store.blobPath(result), 0o644);
    writeFileSync(store.blobPath(result), "cOntent");
    await assert.rejects(store.verifyBlob(result), withCode("EINVAL"));
    assert.equal(store.statBlob(result), undefined);
    assert.equal(trash().length, 1);

    writeFileSync(store.blobPath(result), "short");
    await assert.rejects(store.verifyBlob(result), withCode("EINVAL"));
  });

  test("verifyBlob makes a shared blob private", async () => {
    const path = write("a", "content");
    const result = await importPath(path, "link");
    await store.verifyBlob(result);
    writeFileSync(path, "CONTENT");
    assert.equal((await store.readBlob(result)).toString(), "content");
  });

  test("usage counts blobs and their bytes", async () => {
    await importPath(write("a", "12345"), "copy");
    await importPath(write("b", "123456"), "copy");
    await importPath(write("c", "12345"), "copy");
    assert.deepEqual(await store.usage(), { blobs: 2, bytes: 11n });
  });

  test("importBytes", async () => {
    const result = await store.importBytes(Buffer.from("target"), lease);
    assert.equal(result.method, "copy");
    assert.equal((await store.importBytes(Buffer.from("target"), lease)).method, "present");
    assert.equal((await store.readBlob(result)).toString(), "target");
    assert.equal(mode(store.blobPath(result)), 0o444);
    await store.sync();
  });
});

describe("export", () => {
  test("exact content, mode and nanoseconds", async () => {
    const content = Buffer.alloc(3_000_000, "abc");
    const result = await importPath(write("a", content), "copy");
    const modes = [0o644, 0o400, 0o4755, 0o7777, 0];
    for (const [index, wanted] of modes.entries()) {
      const to = join(tree, `out${index}`);
      await store.exportTo(result, to, tree, wanted, 1_700_000_000_123_456_789n);
      assert.equal(mode(to), wanted);
      assert.equal(statSync(to, { bigint: true }).mtimeNs, 1_700_000_000_123_456_789n);
      chmodSync(to, 0o600);
      assert.ok(readFileSync(to).equals(content));
    }
    await store.exportTo(result, join(tree, "old"), tree, 0o644, -5n);
    assert.equal(statSync(join(tree, "old"), { bigint: true }).mtimeNs, -5n);
    assert.equal(readdirSync(tree).length, modes.length + 2, "nothing is left in the staging directory");
  });

  test("what is there stays", async () => {
    const result = await importPath(write("a", "content"), "copy");
    const there = write("there", "mine");
    await assert.rejects(store.exportTo(result, there, tree, 0o644, 0n), { code: "EEXIST" });
    assert.equal(readFileSync(there, "utf8"), "mine");
  });

  test("an absent blob is EIO and names path and hash", async () => {
    const id = idOf("absent");
    await assert.rejects(store.exportTo(id, join(tree, "out"), tree, 0o644, 0n), (error: unknown) => {
      assert.ok(error instanceof VriftError);
      assert.equal(error.code, "EIO");
      assert.ok(error.message.includes(join(tree, "out")));
      assert.ok(error.message.includes(hashToHex(id.hash)));
      return true;
    });
    assert.ok(!existsSync(join(tree, "out")));
  });

  test("the empty file", async () => {
    const id = { hash: EMPTY_HASH, size: 0n };
    await store.exportTo(id, join(tree, "out"), tree, 0o640, 5n);
    assert.equal(statSync(join(tree, "out")).size, 0);
    assert.equal(mode(join(tree, "out")), 0o640);
  });
});

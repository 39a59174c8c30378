/** Keys made to have one path hash, in the index: what is said of each of them, and of one that is not there. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { commonHash, keysOfHashZero, swappedKeys } from "../../test/colliding-names.js";
import type { IndexValue } from "../platform/native.js";
import { IndexWriter } from "./index-file.js";
import { IndexReader } from "./index-reader.js";
import { constants } from "./layout.js";
import { pathHashReference } from "./path-hash.js";

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "vrift-collisions-"));
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

function value(flags: bigint, size: number): IndexValue {
  return {
    flags: Number(flags),
    mode: 0o100644,
    size: BigInt(size),
    mtimeNs: 0n,
    ctimeNs: 0n,
    ino: 0n,
    blocks: 0,
    hash: Buffer.alloc(32),
  };
}

for (const [name, keys] of [
  ["hash 0", keysOfHashZero("d/", 400)],
  ["another hash", swappedKeys("d/")],
] as const)
  test(`${name}: each key has its own answer through removal, growth and return`, () => {
    const hash = commonHash(keys);
    assert.equal(pathHashReference(Buffer.from(keys[0] ?? "")), hash);
    const path = join(folder, name);
    const writer = IndexWriter.create(path, {
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
    const there = new Map<string, bigint>();
    const check = (): void => {
      const reader = IndexReader.open(path);
      for (const key of keys) {
        assert.equal(reader.lookup(key)?.size, there.get(key), key);
        assert.equal(writer.find(key) !== undefined, there.has(key), key);
      }
      const listed = reader.children("d")?.map((entry) => entry.key);
      assert.deepEqual(listed?.sort(), [...there.keys()].sort());
    };
    writer.publish();
    writer.insert("d", value(constants.ENTRY_DIR, 0));
    const put = (key: string, size: number): void => {
      writer.put(key, value(constants.ENTRY_VIRTUAL, size));
      there.set(key, BigInt(size));
    };
    const remove = (key: string): void => {
      writer.remove(key);
      there.delete(key);
    };
    // The last of them is the absent one, until the end.
    keys.slice(0, -1).forEach((key, n) => put(key, n + 1));
    check();
    const [first = "", ...others] = keys.slice(0, -1);
    remove(first);
    check();
    others.filter((_, n) => n % 2 === 0).forEach(remove);
    check();
    writer.grow();
    check();
    put(first, 5000);
    put(keys.at(-1) ?? "", 5001);
    check();
    for (const key of [...there.keys()]) remove(key);
    check();
    writer.close();
  });

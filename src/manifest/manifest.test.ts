/** The manifest's contract: the same suite on both implementations. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { VriftError } from "../platform/errors.js";
import { openManifest } from "./lmdb-manifest.js";
import {
  type EntryId,
  type Manifest,
  type ManifestMeta,
  type ManifestRecord,
  ROOT_ID,
  ROOT_PARENT,
} from "./manifest.js";
import { memoryManifest } from "./memory-manifest.js";

const DIR = 0x01;
const VIRTUAL = 0x04;

function record(id: EntryId, flags = VIRTUAL, fields: Partial<ManifestRecord> = {}): ManifestRecord {
  return {
    id,
    flags,
    mode: 0o644,
    size: 3n,
    mtimeNs: 1_700_000_000_000_000_001n,
    ctimeNs: 5n,
    blocks: 8,
    hash: new Uint8Array(32).fill(Number(id % 251n)),
    stamp: null,
    ...fields,
  };
}

function withCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof VriftError && error.code === code;
}

function keys(manifest: Manifest, after?: string): string[] {
  return [...manifest.entries(after)].map(([key]) => key);
}

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), "vrift-manifest-"));
});
after(() => {
  rmSync(directory, { recursive: true, force: true });
});

const implementations: Record<string, () => Promise<Manifest & ManifestMeta>> = {
  memory: async () => memoryManifest(),
  // A commit in the middle of everything, and one that never comes by itself.
  "lmdb, committing at once": () => openManifest(mkdtempSync(join(directory, "db-")), { commitDelayMs: 0 }),
  "lmdb, committing late": () => openManifest(mkdtempSync(join(directory, "db-")), { commitDelayMs: 60_000 }),
};

for (const [name, open] of Object.entries(implementations)) {
  describe(`manifest: ${name}`, () => {
    let manifest: Manifest & ManifestMeta;
    beforeEach(async () => {
      manifest = await open();
    });
    afterEach(() => manifest.close());

    async function put(parent: EntryId, entryName: string, flags = VIRTUAL): Promise<EntryId> {
      const id = manifest.nextId();
      await manifest.apply([{ type: "put", parent, name: entryName, record: record(id, flags) }]);
      return id;
    }

    test("put, get, replace, remove", async () => {
      assert.equal(manifest.count(), 0);
      const id = await put(ROOT_ID, "file");
      assert.deepEqual(manifest.get(ROOT_ID, "file"), record(id));
      const other = record(id, VIRTUAL, {
        size: 9n,
        stamp: { size: 9n, mtimeNs: -1n, ctimeNs: 2n, ino: 77n },
      });
      await manifest.apply([{ type: "put", parent: ROOT_ID, name: "file", record: other }]);
      assert.deepEqual(manifest.get(ROOT_ID, "file"), other);
      assert.equal(manifest.count(), 1);
      await manifest.sync();
      assert.deepEqual(manifest.get(ROOT_ID, "file"), other);
      await manifest.apply([{ type: "remove", parent: ROOT_ID, name: "file" }]);
      assert.equal(manifest.get(ROOT_ID, "file"), undefined);
      assert.equal(manifest.count(), 0);
      await manifest.sync();
      assert.equal(manifest.get(ROOT_ID, "file"), undefined);
      await manifest.apply([{ type: "remove", parent: ROOT_ID, name: "file" }]);
      assert.equal(manifest.count(), 0);
    });

    test("is visible before it is acknowledged", async () => {
      const applied = manifest.apply([{ type: "put", parent: ROOT_ID, name: "now", record: record(2n) }]);
      assert.equal(manifest.get(ROOT_ID, "now")?.id, 2n);
      assert.equal(manifest.count(), 1);
      await applied;
    });

    test("sequence counts what is acknowledged", async () => {
      await put(ROOT_ID, "a");
      assert.equal(manifest.sequence, 1n);
      await manifest.apply([]);
      assert.equal(manifest.sequence, 1n);
      await Promise.all([put(ROOT_ID, "b"), put(ROOT_ID, "c"), manifest.setMeta("kind", "solid")]);
      assert.equal(manifest.sequence, 4n);
    });

    test("ids are fresh, also after records that brought their own", async () => {
      const first = manifest.nextId();
      assert.ok(first > ROOT_ID);
      await manifest.apply([{ type: "put", parent: ROOT_ID, name: "a", record: record(500n) }]);
      assert.ok(manifest.nextId() > 500n);
    });

    test("find walks keys", async () => {
      await manifest.apply([{ type: "put", parent: ROOT_PARENT, name: "", record: record(ROOT_ID, DIR) }]);
      const lib = await put(ROOT_ID, "lib", DIR);
      const deep = await put(lib, "deep", DIR);
      const file = await put(deep, "file.js");
      assert.equal(manifest.find("")?.id, ROOT_ID);
      assert.equal(manifest.find("lib/deep/file.js")?.id, file);
      assert.equal(manifest.find("lib/deep")?.id, deep);
      assert.equal(manifest.find("lib/absent/file.js"), undefined);
      assert.equal(manifest.find("lib/deep/file.js/x"), undefined);
      await manifest.apply([
        { type: "move", parent: ROOT_ID, name: "lib", toParent: ROOT_ID, toName: "src" },
      ]);
      assert.equal(manifest.find("lib/deep/file.js"), undefined, "the directory was remembered");
      assert.equal(manifest.find("src/deep/file.js")?.id, file);
      await manifest.apply([{ type: "remove", parent: deep, name: "file.js" }]);
      await manifest.apply([{ type: "remove", parent: lib, name: "deep" }]);
      const again = await put(lib, "deep", DIR);
      const other = await put(again, "file.js");
      assert.equal(manifest.find("src/deep/file.js")?.id, other);
    });

    test("a directory becomes a file of the same name", async () => {
      const lib = await put(ROOT_ID, "lib", DIR);
      await put(lib, "x");
      assert.ok(manifest.find("lib/x"));
      await manifest.apply([
        { type: "remove", parent: lib, name: "x" },
        { type: "put", parent: ROOT_ID, name: "lib", record: record(manifest.nextId()) },
      ]);
      assert.equal(manifest.find("lib/x"), undefined);
    });

    test("moving a directory moves its subtree, and replaces the target", async () => {
      const a = await put(ROOT_ID, "a", DIR);
      await put(a, "x");
      await put(ROOT_ID, "b", DIR);
      await manifest.sync();
      await manifest.apply([{ type: "move", parent: ROOT_ID, name: "a", toParent: ROOT_ID, toName: "b" }]);
      assert.deepEqual(keys(manifest), ["b", "b/x"]);
      assert.equal(manifest.count(), 2);
      await manifest.sync();
      assert.deepEqual(keys(manifest), ["b", "b/x"]);
      await manifest.apply([{ type: "move", parent: ROOT_ID, name: "b", toParent: ROOT_ID, toName: "b" }]);
      assert.deepEqual(keys(manifest), ["b", "b/x"]);
    });

    test("changes of one apply see each other and are all or nothing", async () => {
      await put(ROOT_ID, "a");
      await manifest.apply([
        { type: "move", parent: ROOT_ID, name: "a", toParent: ROOT_ID, toName: "b" },
        { type: "put", parent: ROOT_ID, name: "a", record: record(90n) },
        { type: "move", parent: ROOT_ID, name: "b", toParent: ROOT_ID, toName: "c" },
      ]);
      assert.deepEqual(keys(manifest), ["a", "c"]);
      const sequence = manifest.sequence;
      await assert.rejects(
        manifest.apply([
          { type: "remove", parent: ROOT_ID, name: "a" },
          { type: "move", parent: ROOT_ID, name: "absent", toParent: ROOT_ID, toName: "d" },
        ]),
        withCode("ENOENT"),
      );
      assert.deepEqual(keys(manifest), ["a", "c"]);
      assert.equal(manifest.count(), 2);
      assert.equal(manifest.sequence, sequence);
      assert.equal(await put(ROOT_ID, "e"), manifest.get(ROOT_ID, "e")?.id);
    });

    test("names that cannot be are refused", async () => {
      const bad = {
        "": "EINVAL",
        ".": "EINVAL",
        "..": "EINVAL",
        "a/b": "EINVAL",
        "a\0": "EINVAL",
        "\ud800": "EILSEQ",
      };
      for (const [entryName, code] of Object.entries({ ...bad, ["x".repeat(256)]: "ENAMETOOLONG" })) {
        await assert.rejects(put(ROOT_ID, entryName), withCode(code), JSON.stringify(entryName));
      }
      await put(ROOT_ID, "é".repeat(127));
      const place = { parent: 0n, name: "x" };
      await assert.rejects(manifest.apply([{ type: "remove", ...place }]), withCode("EINVAL"));
      await assert.rejects(
        manifest.apply([{ type: "put", parent: ROOT_ID, name: "x", record: record(2n ** 64n - 1n) }]),
        withCode("EINVAL"),
      );
    });

    test("children in byte order, from anywhere", async () => {
      const names = ["b", "a", "a-b", "ab", "Z", "é", "\u{1F600}", "\uFF5E", "10", "9"];
      for (const [index, entryName] of names.entries()) {
        await put(ROOT_ID, entryName);
        if (index === 4) await manifest.sync();
      }
      await put(7777n, "elsewhere");
      const sorted = names.toSorted((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
      assert.deepEqual(
        [...manifest.children(ROOT_ID)].map(([child]) => child),
        sorted,
      );
      for (const [index, entryName] of sorted.entries()) {
        assert.deepEqual(
          [...manifest.children(ROOT_ID, entryName)].map(([child]) => child),
          sorted.slice(index + 1),
        );
      }
      assert.deepEqual(
        [...manifest.children(ROOT_ID, "nowhere")].map(([child]) => child),
        sorted.slice(7),
      );
    });

    test("entries: parents first, resumable after any key, also one that has gone", async () => {
      await manifest.apply([{ type: "put", parent: ROOT_PARENT, name: "", record: record(ROOT_ID, DIR) }]);
      const a = await put(ROOT_ID, "a", DIR);
      await put(ROOT_ID, "a-b");
      const deep = await put(a, "deep", DIR);
      await put(a, "z");
      await manifest.sync();
      await put(deep, "1");
      await put(deep, "2");
      await put(ROOT_ID, "c", DIR);
      const all = ["", "a", "a/deep", "a/deep/1", "a/deep/2", "a/z", "a-b", "c"];
      assert.deepEqual(keys(manifest), all);
      for (const [index, key] of all.entries())
        assert.deepEqual(keys(manifest, key), all.slice(index + 1), key);
      assert.deepEqual(keys(manifest, "a/deep/11"), all.slice(4));
      assert.deepEqual(keys(manifest, "a/gone/x/y"), all.slice(5));
    });

    test("a large directory, changed while it is listed", async () => {
      const total = 3_000;
      const entryName = (index: number): string => `name-${String(index).padStart(5, "0")}`;
      const changes = Array.from({ length: total }, (_, index) => ({
        type: "put" as const,
        parent: ROOT_ID,
        name: entryName(index),
        record: record(BigInt(index) + 2n),
      }));
      await manifest.apply(changes.filter((_, index) => index % 3 !== 0));
      await manifest.sync();
      await manifest.apply(changes.filter((_, index) => index % 3 === 0));
      assert.equal(manifest.count(), total);
      const seen: string[] = [];
      for (const [child] of manifest.children(ROOT_ID)) {
        seen.push(child);
        if (seen.length === 100) await manifest.sync(); // what was pending is in LMDB now
        if (seen.length === 200) {
          await manifest.apply([
            { type: "remove", parent: ROOT_ID, name: entryName(250) },
            { type: "remove", parent: ROOT_ID, name: entryName(2_500) },
          ]);
        }
        if (seen.length === 300) await manifest.sync();
      }
      const expected = changes
        .map(({ name: n }) => n)
        .filter((n) => n !== entryName(250) && n !== entryName(2_500));
      if (name === "memory") assert.ok(new Set(seen).size === seen.length);
      else assert.deepEqual(seen, expected);
      assert.deepEqual(
        [...manifest.children(ROOT_ID)].map(([child]) => child),
        expected,
      );
    });

    test("a directory that became a file, with the same identity, and a directory again is not the one before", async () => {
      const first = await put(ROOT_ID, "d", DIR);
      const name = { parent: ROOT_ID, name: "d" } as const;
      assert.equal(manifest.find("d/x"), undefined); // its identity is remembered from here on
      await manifest.apply([{ type: "put", ...name, record: record(first) }]);
      assert.equal(manifest.find("d/x"), undefined);
      await manifest.apply([{ type: "remove", ...name }]);
      const second = await put(ROOT_ID, "d", DIR);
      const child = await put(second, "x");
      assert.equal(manifest.find("d/x")?.id, child);
      assert.deepEqual(keys(manifest), ["d", "d/x"]);
    });

    test("meta", async () => {
      assert.equal(manifest.getMeta("kind"), undefined);
      await manifest.setMeta("kind", "phantom");
      await manifest.setMeta("empty", "");
      assert.equal(manifest.getMeta("kind"), "phantom");
      await manifest.sync();
      assert.equal(manifest.getMeta("kind"), "phantom");
      assert.equal(manifest.getMeta("empty"), "");
      await manifest.setMeta("kind", "solid");
      assert.equal(manifest.getMeta("kind"), "solid");
      assert.equal(manifest.count(), 0);
      assert.deepEqual(keys(manifest), []);
      await assert.rejects(manifest.setMeta("", "x"), withCode("EINVAL"));
    });
  });
}

test("files are private, and nothing is left in the journal of a closed manifest", async () => {
  const umask = process.umask(0);
  try {
    const path = join(directory, "private");
    const manifest = await openManifest(path);
    await manifest.apply([{ type: "put", parent: ROOT_ID, name: "a", record: record(2n) }]);
    assert.equal(statSync(path).mode & 0o777, 0o700);
    for (const file of readdirSync(path)) assert.equal(statSync(join(path, file)).mode & 0o777, 0o600, file);
    await manifest.close();
    assert.deepEqual(readdirSync(path).sort(), ["data.mdb", "lock.mdb"]);
    await assert.rejects(
      manifest.apply([{ type: "remove", parent: ROOT_ID, name: "a" }]),
      withCode("EINVAL"),
    );
  } finally {
    process.umask(umask);
  }
});

test("a commit asked for in the turn of an apply that is itself large enough for one", async () => {
  const manifest = await openManifest(join(directory, "large"));
  const names = Array.from({ length: 20_000 }, (_, i) => `f${i}`);
  const applied = manifest.apply(
    names.map((name) => ({ type: "put", parent: ROOT_ID, name, record: record(manifest.nextId()) })),
  );
  await manifest.sync();
  await applied;
  await manifest.close();
  const again = await openManifest(join(directory, "large"));
  assert.equal(again.count(), names.length);
  await again.close();
});

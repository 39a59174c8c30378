/** ManifestGet from the index (vdir/shared-index.ts) says what ManifestGet says, or nothing. */
import assert from "node:assert/strict";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { test } from "node:test";
import { below, seededRandom } from "../../test/random-message.js";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import type { Fixture } from "../../test/workspace-fixture.js";
import { decodeResponse } from "../protocol/decode.js";
import type { DirEntry, VnodeEntry } from "../protocol/messages.js";
import { responses } from "../protocol/schema.js";
import { offsetsOf } from "../vdir/fields.js";
import { indexHeader } from "../vdir/layout.js";
import { SHARED_REPLY_MAX, SharedIndex, openSharedIndex } from "../vdir/shared-index.js";
import type { IndexAnswers } from "../vdir/shared-index.js";
import type { ProjectWorkspace } from "./project-workspace.js";

const seed = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);

/** undefined: it does not say. */
function getNow(index: IndexAnswers, path: string | Buffer): VnodeEntry | null | undefined {
  const bytes = Buffer.concat([Buffer.from("<<"), Buffer.from(path), Buffer.from(">>")]);
  const out = Buffer.alloc(4 + SHARED_REPLY_MAX);
  out.writeUInt32LE(responses.ManifestAck.tag);
  const length = index.getNow(bytes, 2, bytes.length - 2, out, 4);
  if (length === 0) return undefined;
  const reply = decodeResponse(out.subarray(0, 4 + length));
  assert.equal(reply.type, "ManifestAck");
  return reply.type === "ManifestAck" ? reply.entry : undefined;
}

/** undefined: it does not say. */
function listNow(index: IndexAnswers, path: string, limit = 1 << 20): readonly DirEntry[] | undefined {
  const bytes = Buffer.concat([Buffer.from("<<"), Buffer.from(path), Buffer.from(">>")]);
  const out = index.listNow(bytes, 2, bytes.length - 2, 4, limit);
  if (out === undefined) return undefined;
  out.writeUInt32LE(responses.ManifestListAck.tag);
  const reply = decodeResponse(out);
  assert.equal(reply.type, "ManifestListAck");
  return reply.type === "ManifestListAck" ? reply.entries : undefined;
}

async function withPhantom(use: (t: Fixture, workspace: ProjectWorkspace) => Promise<void>): Promise<void> {
  const t = await workspaceFixture({ watch: true });
  try {
    for (const key of ["src/a.txt", "src/deep/b.txt"]) t.write(key, `plain ${key}`);
    symlinkSync("a.txt", join(t.root, "src/link"));
    mkdirSync(join(t.root, ".git"));
    writeFileSync(join(t.root, ".git/config"), "[core]");
    const workspace = await t.registry.open(t.root, true);
    await workspace.upsert("src/v.txt", await t.fileEntry("virtual"));
    await workspace.upsert("src/deep/w.txt", await t.fileEntry("virtual too", 0o755));
    await quiet(workspace);
    await use(t, workspace);
  } finally {
    await t.close();
  }
}

/** Until the index answers for the root's names again. Hashes are known then. */
async function quiet(workspace: ProjectWorkspace): Promise<void> {
  await wait(30);
  for (const key of ["src/a.txt", "src/deep/b.txt", "src/link"]) await workspace.get(key);
  for (let attempt = 0; attempt < 100; attempt++) {
    await workspace.resync();
    if (getNow(workspace, "src/none") !== undefined && getNow(workspace, "src") !== undefined) return;
    await wait(20);
  }
  assert.fail("the index never answers");
}

test("virtual, backed, directory, link and absent names are answered from the index as they are from the manifest", async () => {
  await withPhantom(async (_t, workspace) => {
    const known = ["", "src", "src/deep", "src/v.txt", "src/deep/w.txt", "src/a.txt", "src/link"];
    const absent = ["none", "src/none", "src/none/below", "src/v.txt/below", "src/v.txtx"];
    for (const path of [...known, ...absent]) {
      const now = getNow(workspace, path);
      assert.notEqual(now, undefined, `${JSON.stringify(path)} is not answered`);
      assert.deepEqual(now, await workspace.get(path), path);
      assert.equal(now === null, absent.includes(path));
    }
  });
});

test("a directory's names are listed from the index as they are from the manifest", async () => {
  await withPhantom(async (t, workspace) => {
    for (const name of ["Z", "a", "\u00e9", "\uff61", "\u{1f600}", "zz"]) t.write(`src/names/${name}`, "x");
    t.write("src/names/dir/inside", "x");
    symlinkSync("dir", join(t.root, "src/names/to-dir"));
    await workspace.resync();
    await quiet(workspace);
    for (const path of ["", "src", "src/names", "src/names/dir", "src/deep"]) {
      const now = listNow(workspace, path);
      assert.deepEqual(now, await workspace.list(path), path);
    }
    assert.equal(
      listNow(workspace, "")?.some(({ name }) => name === ".vrift"),
      false,
    );
    for (const path of ["none", "src/a.txt", "src/", "/src", "src/names/to-dir", ".vrift", ".vrift/staging"])
      assert.equal(listNow(workspace, path), undefined, path);
    assert.equal(listNow(workspace, "src/names", 40), undefined, "over the limit");
    rmSync(join(t.root, "src/names/zz"));
    const left = await workspace.list("src/names");
    assert.ok(!left.some(({ name }) => name === "zz"));
    for (let attempt = 0; ; attempt++) {
      const now = listNow(workspace, "src/names");
      if (now === undefined || JSON.stringify(now) === JSON.stringify(left)) break;
      assert.ok(attempt < 200, JSON.stringify(now));
      await wait(5);
    }
  });
});

test("what is not a key byte for byte, or not the index's business, is left to the others", async () => {
  await withPhantom(async (_t, workspace) => {
    const odd = [
      "/src/v.txt",
      "src//v.txt",
      "src/./v.txt",
      "src/../src/v.txt",
      "src/",
      "./none",
      "src/none/",
      "/",
      ".",
    ];
    const hard = ["a\0b", "\u00fcber", "x".repeat(256), "y/".repeat(2200), "src/link/below"];
    for (const path of [
      ...odd,
      ...hard,
      ".git/config",
      ".git/none",
      ".vrift",
      ".vrift/none",
      workspace.info.root,
    ])
      assert.equal(getNow(workspace, path), undefined, JSON.stringify(path.slice(0, 40)));
    assert.equal(getNow(workspace, Buffer.from([0x73, 0xff])), undefined);
    const out = Buffer.alloc(10);
    assert.throws(() => workspace.getNow(Buffer.from("src"), 0, 3, out, 0), { code: "EINVAL" });
  });
});

test("a file that changed through another link, or by truncation and back, is not answered by its old hash", async () => {
  await withPhantom(async (t, workspace) => {
    const path = join(t.root, "src/a.txt");
    const other = join(t.directory, "other-link");
    linkSync(path, other);
    await quiet(workspace);
    const before = getNow(workspace, "src/a.txt");
    assert.ok(before);
    const fd = openSync(other, "r+");
    writeSync(fd, "PLAIN");
    closeSync(fd);
    const now = getNow(workspace, "src/a.txt");
    assert.ok(now === undefined || Buffer.compare(now!.content_hash, before.content_hash) !== 0);
    assert.notDeepEqual((await workspace.get("src/a.txt"))?.content_hash, before.content_hash);
  });
});

test("a change by the daemon is seen by the very next question", async () => {
  await withPhantom(async (t, workspace) => {
    for (let n = 0; n < 40; n++) {
      const key = `src/${["new", "v.txt", "deep/w.txt"][n % 3]!}`;
      const entry = await t.fileEntry(`content ${n}`);
      await workspace.upsert(key, entry);
      const now = getNow(workspace, key);
      assert.ok(now === undefined || now?.size === entry.size, `${key} after upsert ${n}`);
      if (now) assert.deepEqual(now.content_hash, entry.content_hash);
      await workspace.remove(key);
      assert.ok(!getNow(workspace, key), `${key} after remove ${n}`);
    }
  });
});

test(`random changes by the daemon and by others: it never says another thing than ManifestGet (VRIFT_TEST_SEED=${seed})`, async () => {
  await withPhantom(async (t, workspace) => {
    const random = seededRandom(seed);
    const keys = ["src/a.txt", "src/v.txt", "src/n1", "src/deep/w.txt", "src/deep/n2", "top", "src/deep"];
    const pick = (): string => keys[below(random, keys.length)]!;
    const outside = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        assert.match(
          String((error as NodeJS.ErrnoException).code),
          /^E(NOENT|ISDIR|EXIST|NOTDIR|NOTEMPTY|PERM|INVAL)$/,
        );
      }
    };
    let listed = 0;
    let answered = 0;
    for (let step = 0; step < 150; step++) {
      const key = pick();
      const path = join(t.root, key);
      const kind = below(random, 8);
      if (kind === 0) outside(() => writeFileSync(path, `outside ${step}`));
      else if (kind === 1) outside(() => unlinkSync(path));
      else if (kind === 2) outside(() => utimesSync(path, step, step));
      else if (kind === 3) outside(() => renameSync(path, join(t.root, pick())));
      else if (kind === 4) outside(() => chmodSync(path, 0o600 + below(random, 0o100)));
      else if (kind === 5) await workspace.remove(key).catch(() => undefined);
      else if (kind === 6)
        await workspace.upsert(key, await t.fileEntry(`entry ${step}`)).catch(() => undefined);
      else await workspace.resync();
      for (const each of ["", "src", "src/deep"]) {
        for (let attempt = 0; ; attempt++) {
          const now = listNow(workspace, each);
          if (now === undefined) break;
          const said = await workspace.list(each).catch(() => null);
          if (JSON.stringify(now) === JSON.stringify(said)) {
            listed += 1;
            break;
          }
          assert.ok(attempt < 200, `${each} after step ${step}: ${JSON.stringify({ now, said })}`);
          await wait(5);
        }
      }
      for (const each of keys) {
        // The watcher hears of what others do a moment later; a wrong answer that stays is wrong.
        for (let attempt = 0; ; attempt++) {
          const now = getNow(workspace, each);
          if (now === undefined) break;
          const said = await workspace.get(each);
          if (JSON.stringify(now, show) === JSON.stringify(said, show)) {
            answered += 1;
            break;
          }
          assert.ok(attempt < 200, `${each} after step ${step}: ${JSON.stringify({ now, said }, show)}`);
          await wait(5);
        }
      }
    }
    assert.ok(answered > 0, "never answered");
    assert.ok(listed > 0, "never listed");
  });
});

function show(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}

test("another reader notices a larger file in its place, the next daemon's, and a closed workspace", async () => {
  await withPhantom(async (t, workspace) => {
    const reader = openSharedIndex(workspace.info.index);
    assert.ok(getNow(reader, "src/v.txt"));
    const many = Array.from({ length: 3000 }, (_, n) => t.adoptEntry(`src/many-${n}`, "the same"));
    await workspace.adopt(await Promise.all(many), "virtual");
    await quiet(workspace);
    assert.equal(getNow(reader, "src/many-2999")?.mode, 0o640);
    assert.equal(getNow(workspace, "src/many-2999")?.mode, 0o640);

    const next = await (await t.reopen()).open(t.root);
    assert.equal(getNow(workspace, "src/v.txt"), undefined, "the one that was closed");
    await quiet(next);
    for (let looked = 0; looked < 500 && !getNow(reader, "src/v.txt"); looked++) await wait(10);
    assert.ok(getNow(reader, "src/v.txt"), "the next daemon's file");
    await next.close();
    assert.equal(getNow(reader, "src/v.txt"), undefined, "nobody keeps it");
    reader.close();
    reader.close();
    assert.equal(getNow(reader, "src/v.txt"), undefined);
  });
});

test("foreign, torn and hostile files are refused, and a reader that has one knows nothing", async () => {
  await withPhantom(async (t, workspace) => {
    const { index } = workspace.info;
    const at = offsetsOf(indexHeader);
    const directory = join(t.directory, "hostile");
    mkdirSync(directory);
    const copy = join(directory, "index");
    const marks = join(directory, "marks");
    const fresh = (): void => {
      rmSync(copy, { force: true, recursive: true });
      copyFileSync(index, copy);
      copyFileSync(join(index, "..", "marks"), marks);
      chmodSync(copy, 0o600);
      chmodSync(marks, 0o600);
    };
    const refused = (code: string, spoil: () => void): void => {
      fresh();
      spoil();
      assert.throws(() => openSharedIndex(copy), { code }, spoil.toString());
      assert.equal(getNow(new SharedIndex(copy), "src/v.txt"), undefined);
    };
    const cut = (path: string, size: number): void => {
      const fd = openSync(path, "r+");
      ftruncateSync(fd, size);
      closeSync(fd);
    };
    const write = (path: string, at: number, bytes: number[]): void => {
      const fd = openSync(path, "r+");
      writeSync(fd, Buffer.from(bytes), 0, bytes.length, at);
      closeSync(fd);
    };
    refused("ENOENT", () => unlinkSync(copy));
    refused("ENOENT", () => unlinkSync(marks));
    refused("EACCES", () => chmodSync(copy, 0o640));
    refused("EACCES", () => chmodSync(marks, 0o666));
    refused("ELOOP", () => (unlinkSync(copy), symlinkSync(index, copy)));
    refused("EACCES", () => (unlinkSync(copy), mkdirSync(copy, 0o700)));
    for (const size of [0, 100, 16_384, 100_000]) refused("VRIFT_DAMAGED", () => cut(copy, size));
    refused("VRIFT_DAMAGED", () => cut(marks, 4096));
    refused("VRIFT_DAMAGED", () => write(copy, 0, [1]));
    refused("VRIFT_DAMAGED", () => write(copy, at("entry_capacity"), [3, 0, 0, 0]));
    refused("VRIFT_DAMAGED", () =>
      write(copy, at("entries_offset"), [255, 255, 255, 255, 255, 255, 255, 127]),
    );
    refused("VRIFT_DAMAGED", () => write(copy, at("root_ino"), [1, 2, 3, 4, 5, 6, 7, 8]));

    fresh();
    assert.ok(getNow(new SharedIndex(copy), "src/v.txt"));
    write(copy, at("heartbeat_ns"), [0, 0, 0, 0, 0, 0, 0, 0]);
    assert.equal(getNow(new SharedIndex(copy), "src/v.txt"), undefined, "its writer is frozen");

    // Numbers inside may lie in any way: an answer may be wrong then, nothing else may happen.
    const random = seededRandom(seed);
    for (let round = 0; round < 60; round++) {
      fresh();
      for (let n = 0; n < 200; n++)
        write(copy, 96 + below(random, 700_000), [below(random, 256), below(random, 256)]);
      const reader = new SharedIndex(copy);
      for (const key of ["", "src", "src/v.txt", "src/none", "src/deep/b.txt"]) {
        const out = Buffer.alloc(SHARED_REPLY_MAX);
        const bytes = Buffer.from(key);
        reader.getNow(bytes, 0, bytes.length, out, 0);
        reader.listNow(bytes, 0, bytes.length, 8, 1 << 20);
      }
      reader.close();
    }
  });
});

import assert from "node:assert/strict";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { constants } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import {
  makeDirectory,
  openNew,
  readFully,
  readPrivateFile,
  temporaryName,
  unlinkIfPresent,
  writeAll,
  writeFileAtomic,
} from "./files.js";

let base: string;
let umask: number;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "vrift-files-"));
  umask = process.umask(0o777);
});
afterEach(() => {
  process.umask(umask);
  rmSync(base, { recursive: true, force: true });
});

function mode(path: string): number {
  return statSync(path).mode & 0o7777;
}

test("directories are 0700 whatever the umask, existing ones are left alone", () => {
  makeDirectory(join(base, "a", "b", "c"));
  for (const path of ["a", "a/b", "a/b/c"]) assert.equal(mode(join(base, path)), 0o700);
  makeDirectory(base);
  writeFileSync(join(base, "a", "file"), "");
  assert.throws(() => makeDirectory(join(base, "a", "file")), { code: "EEXIST" });
  assert.throws(() => makeDirectory(join(base, "a", "file", "x")), { code: "ENOTDIR" });
});

test("an atomic write replaces the whole file or nothing, and leaves no other name", () => {
  const path = join(base, "file");
  writeFileAtomic(path, Buffer.from("one"));
  assert.equal(mode(path), 0o600);
  writeFileAtomic(path, [Buffer.from("tw"), Buffer.from("o")], { durable: true, mode: 0o640 });
  assert.equal(mode(path), 0o640);
  assert.equal(readPrivateFile(path)?.toString(), "two");
  function* failing(): Iterable<Uint8Array> {
    yield Buffer.from("thr");
    throw new Error("ee");
  }
  assert.throws(() => writeFileAtomic(path, failing()), /ee/);
  assert.equal(readFileSync(path, "utf8"), "two");
  assert.deepEqual(readdirSync(base), ["file"]);
});

test("an atomic write does not follow a link at its name", () => {
  const target = join(base, "target");
  writeFileAtomic(target, Buffer.from("mine"));
  symlinkSync(target, join(base, "link"));
  writeFileAtomic(join(base, "link"), Buffer.from("other"));
  assert.equal(readPrivateFile(target)?.toString(), "mine");
  assert.equal(readPrivateFile(join(base, "link"))?.toString(), "other");
});

test("readPrivateFile: absent, empty, large, not through a link", () => {
  assert.equal(readPrivateFile(join(base, "absent")), undefined);
  writeFileAtomic(join(base, "empty"), Buffer.alloc(0));
  assert.equal(readPrivateFile(join(base, "empty"))?.length, 0);
  for (const size of [(1 << 20) - 1, 1 << 20, (1 << 20) + 1]) {
    const content = Buffer.alloc(size, "abc");
    writeFileAtomic(join(base, "large"), content);
    assert.ok(readPrivateFile(join(base, "large"))?.equals(content));
  }
  symlinkSync(join(base, "large"), join(base, "link"));
  assert.throws(() => readPrivateFile(join(base, "link")), { code: "ELOOP" });
});

test("openNew refuses what is there, and replaces only left-over temporary names", () => {
  const path = join(base, "new");
  closeSync(openNew(path, constants.O_WRONLY));
  assert.equal(mode(path), 0o600);
  assert.throws(() => openNew(path, constants.O_WRONLY), { code: "EEXIST" });
  const temporary = temporaryName(base, "x");
  assert.notEqual(temporary, temporaryName(base, "x"));
  closeSync(openNew(temporary, constants.O_WRONLY));
  closeSync(openNew(temporary, constants.O_WRONLY));
  assert.ok(unlinkIfPresent(temporary));
  assert.ok(!unlinkIfPresent(temporary));
});

test("writeAll and readFully at a position", () => {
  const fd = openNew(join(base, "file"), constants.O_RDWR);
  try {
    writeAll(fd, Buffer.from("hello"));
    writeAll(fd, Buffer.from("J"), 0);
    const bytes = Buffer.alloc(10);
    assert.equal(readFully(fd, bytes, 1), 4);
    assert.equal(bytes.toString("latin1", 0, 4), "ello");
  } finally {
    closeSync(fd);
  }
  const directory = openSync(base, constants.O_RDONLY);
  closeSync(directory);
});

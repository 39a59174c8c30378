import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { native } from "./native.js";

let root = "";
before(() => {
  root = mkdtempSync(join(tmpdir(), "vrift-native-"));
});
after(() => {
  rmSync(root, { recursive: true, force: true });
});

/** A file with some text, and its path. */
function file(name: string, text = name): string {
  const path = join(root, name);
  writeFileSync(path, text);
  return path;
}

function withFd<T>(path: string, flags: number, use: (fd: number) => T): T {
  const fd = openSync(path, flags, 0o600);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

test("peerCredentials names the process at the other end", async () => {
  const server = createServer();
  server.listen(join(root, "peer.sock"));
  await once(server, "listening");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const client = connect(join(root, "peer.sock"));
  const [socket] = await accepted;
  const handle = (socket as unknown as { _handle: { fd: number } })._handle;
  const peer = native.peerCredentials(handle.fd);
  assert.deepEqual(peer, { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() });
  client.destroy();
  socket.destroy();
  server.close();
  withFd(file("not-a-socket"), constants.O_RDONLY, (fd) => {
    assert.throws(() => native.peerCredentials(fd), { code: "ENOTSOCK", syscall: "getsockopt" });
  });
});

test("flock conflicts between open descriptions, and says so without blocking", () => {
  const LOCK_EX = 2,
    LOCK_NB = 4,
    LOCK_UN = 8;
  const path = file("lock");
  withFd(path, constants.O_RDWR, (one) => {
    withFd(path, constants.O_RDWR, (two) => {
      assert.equal(native.flock(one, LOCK_EX | LOCK_NB), true);
      assert.equal(native.flock(two, LOCK_EX | LOCK_NB), false);
      assert.equal(native.flock(one, LOCK_UN), true);
      assert.equal(native.flock(two, LOCK_EX | LOCK_NB), true);
    });
  });
  assert.throws(() => native.flock(-1, LOCK_EX), { code: "EBADF" });
});

test("linkFd publishes a file without a name, and never replaces", () => {
  const O_TMPFILE = 0o20200000;
  const to = join(root, "published");
  const fd = openSync(root, O_TMPFILE | constants.O_RDWR, 0o640);
  writeFileSync(fd, "content");
  native.linkFd(fd, Buffer.from(to));
  assert.equal(readFileSync(to, "utf8"), "content");
  assert.throws(() => native.linkFd(fd, to), { code: "EEXIST", syscall: "linkat", path: to });
  closeSync(fd);
});

test("renameNoReplace moves, and never replaces", () => {
  const from = file("from"),
    taken = file("taken");
  assert.throws(() => native.renameNoReplace(from, taken), { code: "EEXIST", path: taken });
  native.renameNoReplace(from, join(root, "moved"));
  assert.equal(readFileSync(join(root, "moved"), "utf8"), "from");
  assert.throws(() => native.renameNoReplace(from, join(root, "x")), { code: "ENOENT", path: from });
});

test("reflink copies, or says that this file system cannot", () => {
  withFd(file("source"), constants.O_RDONLY, (from) => {
    const copied = withFd(join(root, "clone"), constants.O_RDWR | constants.O_CREAT, (to) =>
      native.reflink(to, from),
    );
    assert.equal(readFileSync(join(root, "clone"), "utf8"), copied ? "source" : "");
  });
  assert.throws(() => native.reflink(-1, -1), { code: "EBADF" });
});

test("hasWriter sees a writer of another open description, and survives one that comes in between", () => {
  const path = file("written");
  withFd(path, constants.O_RDONLY, (reader) => {
    assert.equal(native.hasWriter(reader), false);
    withFd(path, constants.O_WRONLY, () => assert.equal(native.hasWriter(reader), true));
    assert.equal(native.hasWriter(reader), false);
    // Opening for writing afterwards must not wait for a lease, which would be 45 seconds.
    execFileSync("sh", ["-c", `: > "$0"`, path], { timeout: 5000 });
  });
});

test("hasOther sees readers too", () => {
  const path = file("read");
  withFd(path, constants.O_RDONLY, (reader) => {
    assert.equal(native.hasOther(reader), false);
    withFd(path, constants.O_RDONLY, () => {
      assert.equal(native.hasOther(reader), true);
      assert.equal(native.hasWriter(reader), false);
    });
    assert.equal(native.hasOther(reader), false);
    execFileSync("sh", ["-c", `: > "$0"`, path], { timeout: 5000 });
  });
});

test("hasXattr", (t) => {
  const plain = file("no-attributes"),
    with_ = file("attributes");
  assert.equal(native.hasXattr(plain), false);
  try {
    const script = "import os,sys; os.setxattr(sys.argv[1], 'user.vrift', b'x')";
    execFileSync("python3", ["-c", script, with_], { stdio: "ignore" });
  } catch {
    t.diagnostic("python3 or user attributes not available: only the negative half was tested");
    return;
  }
  assert.equal(native.hasXattr(Buffer.from(with_)), true);
  assert.throws(() => native.hasXattr(join(root, "absent")), { code: "ENOENT" });
});

test("setTimes is exact, does not follow links, and takes times before 1970", () => {
  const path = file("times"),
    link = join(root, "link");
  symlinkSync(path, link);
  native.setTimes(path, 1_700_000_000_123_456_789n, -1n);
  native.setTimes(link, 1n, 2n);
  const { atimeNs, mtimeNs } = statSync(path, { bigint: true });
  assert.deepEqual([atimeNs, mtimeNs], [1_700_000_000_123_456_789n, -1n]);
  assert.equal(lstatSync(link, { bigint: true }).mtimeNs, 2n);
  withFd(path, constants.O_RDONLY, (fd) => native.setTimes(fd, 3n, 4n));
  assert.equal(statSync(path, { bigint: true }).mtimeNs, 4n);
});

test("syncfs and setProcessName", async () => {
  await withFd(root, constants.O_RDONLY, (fd) => native.syncfs(fd));
  assert.throws(() => native.syncfs(-1), { code: "EBADF" });
  const before = readFileSync("/proc/self/comm", "utf8").trim();
  native.setProcessName("vrift-test");
  assert.equal(readFileSync("/proc/self/comm", "utf8"), "vrift-test\n");
  native.setProcessName(before);
});

test("mapShared: two mappings see each other; past the end is refused", () => {
  const path = file("map", "");
  truncateSync(path, 8192);
  withFd(path, constants.O_RDWR, (fd) => {
    const one = new BigUint64Array(native.mapShared(fd, 8192, true));
    const two = new BigUint64Array(native.mapShared(fd, 8192, false));
    Atomics.add(one, 7, 5n);
    assert.equal(Atomics.load(two, 7), 5n);
    assert.throws(() => native.mapShared(fd, 8193, false), { code: "EOVERFLOW" });
  });
});

test("wrong arguments are errors, not crashes", () => {
  const wrong = native as unknown as Record<string, (...given: unknown[]) => unknown>;
  for (const [name, call] of Object.entries(wrong)) {
    assert.throws(() => call(), Error, name);
    assert.throws(() => call(Symbol("x"), {}, [], null), Error, name);
  }
  assert.throws(() => native.hasXattr("a\0b"), { code: "EINVAL" });
});

test("putFile makes a whole file with mode and times in one call, and never replaces", () => {
  const to = join(root, "put");
  const facts = { mode: 0o640, atimeNs: -1n, mtimeNs: 1_000_000_000_123_456_789n };
  assert.equal(native.putFile(root, Buffer.from("content"), to, facts), true);
  const stat = lstatSync(to, { bigint: true });
  assert.deepEqual(
    [readFileSync(to, "utf8"), stat.mode & 0o7777n, stat.mtimeNs, stat.atimeNs, stat.nlink],
    ["content", 0o640n, facts.mtimeNs, -1n, 1n],
  );
  assert.throws(() => native.putFile(root, Buffer.from("other"), to, facts), { code: "EEXIST", path: to });
  assert.equal(readFileSync(to, "utf8"), "content");
  assert.throws(() => native.putFile(join(root, "none"), Buffer.alloc(0), to, facts), { code: "ENOENT" });
});

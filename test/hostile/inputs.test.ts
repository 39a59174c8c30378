/** Each hostile input of the wire once, through vriftd and on a project's own socket; after each, the connection or at least the daemon goes on. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  chownSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { EMPTY_HASH } from "../../src/platform/hash.js";
import { FRAME_MAX } from "../../src/platform/limits.js";
import { workspacePaths } from "../../src/platform/paths.js";
import { encodeRequest } from "../../src/protocol/encode.js";
import { encodeFrame } from "../../src/protocol/frame.js";
import type { VeloRequest, VeloResponse } from "../../src/protocol/messages.js";
import { openStore } from "../../src/store/content-store.js";
import { DaemonFixture, RawConnection } from "../daemon-fixture.js";

let t: DaemonFixture;
let sides: readonly string[];
let outside: string;
let temporary: string;
let blob: Uint8Array;

before(async () => {
  t = new DaemonFixture({ VRIFT_IDLE_SECONDS: "600" });
  await t.start();
  const id = await t.client().register(t.root);
  sides = [t.home.daemonSocket, workspacePaths(t.home, id).socket];
  outside = join(t.directory, "outside");
  temporary = join(t.directory, "temporary");
  mkdirSync(outside);
  mkdirSync(temporary);
  writeFileSync(join(outside, "secret"), "outside");
  symlinkSync(outside, join(t.root, "out"));
  symlinkSync("out", join(t.root, "out-again"));
  const store = await openStore(t.home.source);
  const lease = store.lease();
  blob = new Uint8Array((await store.importBytes(Buffer.from("a blob"), lease)).hash);
  after(() => {
    lease.release();
    store.close();
  });
});

after(() => t.close());

async function each(run: (raw: RawConnection, path: string) => Promise<void>): Promise<void> {
  for (const path of sides) {
    const socket = connect({ path });
    await once(socket, "connect");
    const raw = new RawConnection(socket);
    assert.equal((await raw.call({ type: "RegisterWorkspace", project_root: t.root }))?.type, "RegisterAck");
    await run(raw, path);
    raw.close();
    assert.match(await t.client().status(), /^ready/);
  }
}

const codeOf = (reply: VeloResponse | undefined): string =>
  reply?.type === "Error" ? reply.message.split(":")[0]! : (reply?.type ?? "closed");

function header(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(length);
  return bytes;
}

test("lengths: 0 is an empty message; over 16 MiB, and 4 GiB, end the connection before anything of it is read", async () => {
  await each(async (raw) => {
    raw.socket.write(header(0));
    assert.equal(codeOf(await raw.reply()), "EBADMSG");
    assert.equal(codeOf(await raw.call({ type: "Status" })), "StatusAck");
  });
  for (const length of [FRAME_MAX + 1, 0x8000_0000, 0xffff_ffff])
    await each(async (raw) => {
      raw.socket.write(Buffer.concat([header(length), Buffer.alloc(1000)]));
      assert.equal(codeOf(await raw.reply()), "EMSGSIZE", String(length));
      assert.equal(await raw.reply(), undefined);
    });
});

test("payloads: lengths past the frame, unknown tags, text that is no UTF-8, bool and option bytes of 2", async () => {
  const protect = encodeRequest({ type: "Protect", path: "a", immutable: true, owner: null });
  const cases: Record<string, string> = {
    "a text past the frame": "030000000500000000000000616263",
    "a text of 2^64 - 1": "03000000ffffffffffffffff61",
    "a filter of 2^63": "0c0000000000000000000080",
    "a list past the frame": "0f000000ffffffff00000000",
    "a list of 2^61 pairs": "0f00000000000000000000000000000000000020",
    "a hash that ends": "0b0000000102",
    "tag 17": "11000000",
    "tag 2^32 - 1": "ffffffff",
    "half a tag": "0300",
    "overlong UTF-8": "030000000200000000000000c080",
    "a surrogate": "030000000300000000000000eda080",
    "a cut character": "030000000100000000000000e2",
    "a bool of 2": Buffer.concat([protect.subarray(0, -2), Buffer.from([2, 0])]).toString("hex"),
    "an option of 2": Buffer.concat([protect.subarray(0, -1), Buffer.from([2])]).toString("hex"),
  };
  await each(async (raw) => {
    for (const [what, hex] of Object.entries(cases)) {
      raw.socket.write(encodeFrame(Buffer.from(hex, "hex")));
      assert.equal(codeOf(await raw.reply()), "EBADMSG", what);
    }
    assert.equal(codeOf(await raw.call({ type: "Status" })), "StatusAck");
  });
});

/** Every request that has a path, with this one. */
function withPath(path: string): VeloRequest[] {
  const entry = { content_hash: EMPTY_HASH, size: 0n, mtime: 1n, mode: 0o644, flags: 0 };
  return [
    { type: "ManifestGet", path },
    { type: "ManifestListDir", path },
    { type: "ManifestUpsert", path, entry },
    { type: "ManifestRemove", path },
    { type: "ManifestRename", old_path: path, new_path: "renamed" },
    { type: "ManifestRename", old_path: "f", new_path: path },
    { type: "ManifestUpdateMtime", path, mtime_ns: 1n },
    { type: "ManifestReingest", vpath: path, temp_path: join(temporary, "absent") },
    { type: "FlockAcquire", path, operation: 6 },
    { type: "FlockRelease", path },
    { type: "Protect", path, immutable: false, owner: null },
  ];
}

test("paths: NUL, .., over-long ones are refused by every request that has one", async () => {
  writeFileSync(join(t.root, "f"), "f");
  const cases: readonly (readonly [string, RegExp])[] = [
    ["a\0b", /^EINVAL$/],
    ["..", /^EINVAL$/],
    ["../outside/secret", /^EINVAL$/],
    ["a/../../outside/secret", /^EINVAL$/],
    [`${t.root}/../outside/secret`, /^EINVAL$/],
    ["x".repeat(256), /^ENAMETOOLONG$/],
    ["x/".repeat(2100), /^ENAMETOOLONG$/],
  ];
  await each(async (raw) => {
    for (const [path, expected] of cases)
      for (const request of withPath(path)) {
        const code = codeOf(await raw.call(request));
        // The file that would be taken is looked at first.
        if (request.type === "ManifestReingest") assert.match(code, /^(EINVAL|ENAMETOOLONG|ENOENT)$/);
        else assert.match(code, expected, `${request.type} ${path.slice(0, 40)}`);
      }
  });
  assert.deepEqual(readdirSync(outside), ["secret"]);
});

test("paths: absolute ones are below the root, and links out are not followed", async () => {
  await each(async (raw) => {
    const passwd = await raw.call({ type: "ManifestGet", path: "/etc/passwd" });
    assert.ok(passwd?.type === "ManifestAck" && passwd.entry === null);
    for (const path of ["out/secret", "out-again/secret"]) {
      const got = await raw.call({ type: "ManifestGet", path });
      assert.ok(got?.type === "Error" || (got?.type === "ManifestAck" && got.entry === null), path);
    }
    for (const path of ["out/secret", "out/new", "out-again/new"])
      for (const request of withPath(path).slice(2)) {
        const reply = await raw.call(request);
        // A name that is a lock, or none, is no path to anything.
        if (request.type.startsWith("Flock")) continue;
        if (request.type === "ManifestRemove") continue;
        assert.equal(reply?.type, "Error", `${request.type} ${path}`);
      }
  });
  assert.deepEqual(readdirSync(outside), ["secret"]);
  assert.equal(readFileSync(join(outside, "secret"), "utf8"), "outside");
  assert.equal(readFileSync(join(t.root, "f"), "utf8"), "f");
});

test("Reingest takes a quiet regular file of the caller with one name, and nothing else", async () => {
  const file = (name: string): string => {
    writeFileSync(join(temporary, name), name);
    return join(temporary, name);
  };
  const writing = file("writing");
  const writer = openSync(writing, "r+");
  const linked = file("linked");
  linkSync(linked, join(temporary, "second-name"));
  symlinkSync(file("target"), join(temporary, "link"));
  execFileSync("mkfifo", [join(temporary, "fifo")]);
  const cases: Record<string, RegExp> = {
    [join(temporary, "link")]: /^EINVAL$/,
    [temporary]: /^EINVAL$/,
    [join(temporary, "fifo")]: /^EINVAL$/,
    "/proc/self/mem": /^EINVAL$/,
    "/dev/zero": /^EINVAL$/,
    "/etc/hostname": /^EINVAL$/,
    [writing]: /^EBUSY$/,
    [linked]: /^EINVAL$/,
    [join(temporary, "absent")]: /^ENOENT$/,
    [join(t.home.root, "config.toml")]: /^(EINVAL|ENOENT)$/,
    [t.home.daemonLock]: /^EINVAL$/,
  };
  if (process.getuid!() === 0) {
    const theirs = file("theirs");
    chownSync(theirs, 65534, 65534);
    cases[theirs] = /^EACCES$/;
  }
  await each(async (raw) => {
    for (const [temp_path, expected] of Object.entries(cases))
      assert.match(
        codeOf(await raw.call({ type: "ManifestReingest", vpath: "taken", temp_path })),
        expected,
        temp_path,
      );
    const got = await raw.call({ type: "ManifestGet", path: "taken" });
    assert.ok(got?.type === "ManifestAck" && got.entry === null);
  });
  closeSync(writer);
});

test("claims about content are looked at: Upsert without a blob, CasInsert with another hash or size", async () => {
  const other = new Uint8Array(32).fill(7);
  const entry = { content_hash: other, size: 6n, mtime: 1n, mode: 0o644, flags: 0 };
  const cases: readonly VeloRequest[] = [
    { type: "ManifestUpsert", path: "u", entry },
    { type: "ManifestUpsert", path: "u", entry: { ...entry, content_hash: blob, size: 7n } },
    { type: "ManifestUpsert", path: "u", entry: { ...entry, content_hash: EMPTY_HASH, size: 1n } },
    { type: "ManifestUpsert", path: "u", entry: { ...entry, flags: 3 } },
    { type: "CasInsert", hash: other, size: 6n },
    { type: "CasInsert", hash: blob, size: 7n },
    { type: "CasInsert", hash: blob, size: (1n << 64n) - 1n },
    { type: "CasInsert", hash: EMPTY_HASH, size: 1n },
  ];
  await each(async (raw) => {
    for (const request of cases)
      assert.match(codeOf(await raw.call(request)), /^E(NOENT|INVAL)$/, request.type);
    assert.equal(codeOf(await raw.call({ type: "CasInsert", hash: blob, size: 6n })), "CasAck");
  });
});

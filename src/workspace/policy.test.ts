import assert from "node:assert/strict";
import { test } from "node:test";
import { isElf, isOpaque, isSecret, staysPhysical } from "./policy.js";
import type { PhysicalReason, PolicyEntry } from "./policy.js";

const owner = { uid: 1000, gid: 1000, dev: 7n };
const plain: PolicyEntry = {
  key: "src/a.js",
  validUtf8: true,
  type: "file",
  mode: 0o644,
  nlink: 1,
  uid: 1000,
  gid: 1000,
  dev: 7n,
  xattr: false,
};

test("opaque names", () => {
  for (const key of [
    ".git",
    ".git/config",
    "a/.git",
    "a/b/.git/HEAD",
    ".vrift",
    ".vrift/staging/1.2",
    "in/.vrift",
  ]) {
    assert.equal(isOpaque(key), true, key);
  }
  for (const key of ["", "git", ".gitignore", ".github/x", "a.git", "a.git/b", ".vriftrc", "x/.gitmodules"]) {
    assert.equal(isOpaque(key), false, key);
  }
});

test("secret names", () => {
  for (const name of [
    ".env",
    ".ENV",
    ".env.local",
    ".env.production",
    ".envrc",
    "server.pem",
    "Server.PEM",
    "tls.key",
    "id_rsa",
    "id_rsa.pub",
    "id_ed25519_sk",
    "id_ecdsa",
    ".npmrc",
    ".netrc",
    ".pypirc",
    "a.p12",
    "a.pfx",
    "credentials",
    "credentials.json",
  ]) {
    assert.equal(isSecret(name), true, name);
  }
  for (const name of [
    ".env.example",
    ".env.sample",
    ".env.template",
    "env",
    "env.js",
    ".environment",
    "key",
    "keys.js",
    "pem.ts",
    "credentials.ts",
    "my_id_rsa.txt",
    "",
  ]) {
    assert.equal(isSecret(name), false, name);
  }
});

test("what stays physical, and why", () => {
  const table: [Partial<PolicyEntry>, PhysicalReason | null][] = [
    [{}, null],
    [{ mode: 0o600 }, null],
    [{ mode: 0o400 }, null],
    [{ type: "dir", mode: 0o755 }, "directory"],
    [{ type: "symlink", mode: 0o777 }, "symlink"],
    [{ type: "special" }, "special"],
    [{ mode: 0o755 }, "executable"],
    [{ mode: 0o645 }, "executable"],
    [{ mode: 0o4755 }, "setid"],
    [{ mode: 0o2644 }, "setid"],
    [{ mode: 0o1644 }, "setid"],
    [{ nlink: 2 }, "links"],
    [{ uid: 0 }, "owner"],
    [{ gid: 0 }, "owner"],
    [{ dev: 8n }, "owner"],
    [{ xattr: true }, "xattr"],
    [{ key: "deep/.env" }, "secret"],
    [{ key: ".env/plain.txt" }, null],
    [{ key: "sub/.git" }, "opaque"],
    [{ key: ".git/objects/aa/bb", mode: 0o444 }, "opaque"],
    [{ key: "bad\ufffd", validUtf8: false }, "name"],
    [{ key: "é".repeat(2048) }, "name"],
    [{ mode: 0o044 }, "unreadable"],
    [{ mode: 0 }, "unreadable"],
  ];
  for (const [change, expected] of table) {
    const entry = { ...plain, ...change };
    assert.equal(
      staysPhysical(entry, owner),
      expected,
      JSON.stringify(change, (_k, v: unknown) => String(v)),
    );
  }
});

test("elf magic", () => {
  assert.equal(isElf(Buffer.from("\x7fELF\x02", "latin1")), true);
  assert.equal(isElf(Buffer.from("\x7fEL", "latin1")), false);
  assert.equal(isElf(Buffer.from("#!/bin/sh")), false);
  assert.equal(isElf(Buffer.alloc(0)), false);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ManifestRecord } from "../manifest/manifest.js";
import type { PhysicalName } from "./physical.js";
import { backedRecord, virtualRecord } from "./records.js";
import { decide } from "./states.js";

const file: PhysicalName = {
  type: "file",
  mode: 0o644,
  size: 3n,
  mtimeNs: 10n,
  ctimeNs: 20n,
  ino: 5n,
  dev: 1n,
  nlink: 1,
  uid: 0,
  gid: 0,
  blocks: 8,
};
const content = { hash: new Uint8Array(32).fill(7), size: 3n, mtimeNs: 10n, mode: 0o644, blocks: 8 };
const virtual = virtualRecord(2n, content, 0n);
const pending = virtualRecord(2n, content, 0n, file);
const backed = backedRecord(2n, file);

const rows: [string, ManifestRecord | undefined, PhysicalName | undefined, boolean, string][] = [
  ["no entry, absent", undefined, undefined, false, "none"],
  ["no entry, absent, whiteout left over", undefined, undefined, true, "none"],
  ["no entry, file", undefined, file, false, "add"],
  ["virtual, absent", virtual, undefined, false, "keep"],
  ["virtual, absent, whiteout", virtual, undefined, true, "remove"],
  ["virtual, file", virtual, file, false, "become-backed"],
  ["virtual, file, whiteout", virtual, file, true, "become-backed"],
  ["virtual, the adopted file untouched", pending, file, false, "pending"],
  ["virtual, the adopted file written to", pending, { ...file, ctimeNs: 21n }, false, "become-backed"],
  ["virtual, a private copy of the same content", pending, { ...file, ino: 6n }, false, "become-backed"],
  ["backed, absent", backed, undefined, false, "remove"],
  ["backed, absent, whiteout", backed, undefined, true, "remove"],
  ["backed, same stamp", backed, file, false, "keep"],
  ["backed, other mtime", backed, { ...file, mtimeNs: 11n }, false, "restamp"],
  ["backed, other size", backed, { ...file, size: 4n }, false, "restamp"],
  ["backed, other ctime", backed, { ...file, ctimeNs: 21n }, false, "restamp"],
  ["backed, other inode", backed, { ...file, ino: 6n }, false, "restamp"],
  ["backed, other mode", backed, { ...file, mode: 0o600 }, false, "restamp"],
  ["backed, became a directory", backed, { ...file, type: "dir" }, false, "restamp"],
];

for (const [name, record, physical, whiteout, expected] of rows) {
  test(name, () => assert.equal(decide(record, physical, whiteout), expected));
}

/** Two ways from a manifest record to an index entry say the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ManifestRecord } from "../manifest/manifest.js";
import { encodeManifestRecord } from "../manifest/record-codec.js";
import { FillBatch } from "../vdir/fill-batch.js";
import { fillRecord } from "../vdir/layout.js";
import { packEntry } from "./packed-entry.js";
import { BACKED, DIR, HASHED, SYMLINK, VIRTUAL, toIndexValue } from "./records.js";

const base: ManifestRecord = {
  id: (1n << 33n) + 77n,
  flags: VIRTUAL | HASHED,
  mode: 0o755,
  size: (1n << 40n) + 3n,
  mtimeNs: -5n,
  ctimeNs: 1_700_000_000_123_456_789n,
  blocks: 0xffff_fff0,
  hash: Uint8Array.from({ length: 32 }, (_, i) => i + 1),
  stamp: null,
};
const stamp = { size: 4096n, mtimeNs: 2n, ctimeNs: 3n, ino: (1n << 60n) + 9n };

for (const [what, record] of Object.entries({
  "a virtual file": base,
  "one whose file still stands": { ...base, stamp },
  "a file": { ...base, flags: BACKED, stamp },
  "a file without a stamp": { ...base, flags: BACKED },
  "a link": { ...base, flags: BACKED | SYMLINK | HASHED, stamp },
  "a directory": { ...base, flags: BACKED | DIR, size: 0n, stamp },
  "a directory without a stamp": { ...base, flags: BACKED | DIR, size: 0n },
}))
  test(what, () => {
    const [slow, quick] = [new FillBatch(), new FillBatch()];
    quick.bytes.fill(0xaa);
    const key = "a/key that is 27 bytes long";
    slow.add(key, toIndexValue(record, true));
    const at = quick.reserve(Buffer.byteLength(key));
    packEntry(encodeManifestRecord(record), quick.bytes, at);
    quick.bytes.write(key, at + fillRecord.size);
    assert.equal(quick.length, slow.length);
    assert.deepEqual(quick.bytes.subarray(0, quick.length), slow.bytes.subarray(0, slow.length));
  });

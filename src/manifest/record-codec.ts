/**
 * A manifest record as bytes, little-endian, in LMDB and in the journal:
 *
 *   0 u8 version (1) · 1 u8 has stamp (0, 1) · 2 u16 flags · 4 u32 mode · 8 u64 id · 16 u64 size · 24 i64 mtime
 *   32 i64 ctime · 40 u32 blocks · 44 u32 zero · 48 hash (32) · with stamp: 80 u64 size · 88 i64 mtime · 96 i64 ctime
 *   104 u64 inode
 */
import { VriftError } from "../platform/errors.js";
import type { ManifestRecord, Stamp } from "./manifest.js";

const VERSION = 1;
const BARE_SIZE = 80;
const STAMPED_SIZE = 112;
const HASH_OFFSET = 48;
const HASH_SIZE = 32;

/** Where the fields are, for who copies them without making a record of them. */
export const recordFields = {
  stamped: 1,
  flags: 2,
  mode: 4,
  id: 8,
  /** size, mtime and ctime, one after the other. */
  size: 16,
  blocks: 40,
  hash: HASH_OFFSET,
  stampSize: 80,
  stampIno: 104,
} as const;

/** VRIFT_DAMAGED when the bytes are not one record and nothing else. */
export function checkRecordBytes(bytes: Uint8Array): void {
  const size = bytes[recordFields.stamped] === 0 ? BARE_SIZE : STAMPED_SIZE;
  if (bytes[0] !== VERSION || bytes[recordFields.stamped]! > 1 || bytes.length !== size)
    throw new VriftError("VRIFT_DAMAGED", `a manifest record of ${bytes.length} bytes cannot be read`);
}

export function recordSize(record: ManifestRecord): number {
  return record.stamp ? STAMPED_SIZE : BARE_SIZE;
}

/** Writes `record` at `at` of `target`; returns the offset after it. RangeError for a field that does not fit. */
export function writeRecord(record: ManifestRecord, target: Buffer, at: number): number {
  if (record.hash.length !== HASH_SIZE) throw new RangeError(`hash of ${record.hash.length} bytes`);
  target.writeUInt8(VERSION, at);
  target.writeUInt8(record.stamp ? 1 : 0, at + 1);
  target.writeUInt16LE(record.flags, at + 2);
  target.writeUInt32LE(record.mode, at + 4);
  target.writeBigUInt64LE(record.id, at + 8);
  target.writeBigUInt64LE(record.size, at + 16);
  target.writeBigInt64LE(record.mtimeNs, at + 24);
  target.writeBigInt64LE(record.ctimeNs, at + 32);
  target.writeUInt32LE(record.blocks, at + 40);
  target.writeUInt32LE(0, at + 44);
  target.set(record.hash, at + HASH_OFFSET);
  if (!record.stamp) return at + BARE_SIZE;
  target.writeBigUInt64LE(record.stamp.size, at + 80);
  target.writeBigInt64LE(record.stamp.mtimeNs, at + 88);
  target.writeBigInt64LE(record.stamp.ctimeNs, at + 96);
  target.writeBigUInt64LE(record.stamp.ino, at + 104);
  return at + STAMPED_SIZE;
}

export function encodeManifestRecord(record: ManifestRecord): Buffer {
  const bytes = Buffer.allocUnsafe(recordSize(record));
  writeRecord(record, bytes, 0);
  return bytes;
}

/** Reads the record at `at`; nothing of `bytes` is kept. VRIFT_DAMAGED when it is not one. */
export function readRecord(bytes: Buffer, at: number): { record: ManifestRecord; end: number } {
  const left = bytes.length - at;
  const version = left > 0 ? bytes[at] : undefined;
  const stamped = left > 1 ? bytes[at + 1] : undefined;
  const end = at + (stamped === 1 ? STAMPED_SIZE : BARE_SIZE);
  if (version !== VERSION || stamped === undefined || stamped > 1 || bytes.length < end) {
    throw new VriftError(
      "VRIFT_DAMAGED",
      `a manifest record of version ${version} and ${left} bytes cannot be read`,
    );
  }
  const stamp: Stamp | null =
    stamped === 1
      ? {
          size: bytes.readBigUInt64LE(at + 80),
          mtimeNs: bytes.readBigInt64LE(at + 88),
          ctimeNs: bytes.readBigInt64LE(at + 96),
          ino: bytes.readBigUInt64LE(at + 104),
        }
      : null;
  const record: ManifestRecord = {
    id: bytes.readBigUInt64LE(at + 8),
    flags: bytes.readUInt16LE(at + 2),
    mode: bytes.readUInt32LE(at + 4),
    size: bytes.readBigUInt64LE(at + 16),
    mtimeNs: bytes.readBigInt64LE(at + 24),
    ctimeNs: bytes.readBigInt64LE(at + 32),
    blocks: bytes.readUInt32LE(at + 40),
    hash: new Uint8Array(bytes.subarray(at + HASH_OFFSET, at + HASH_OFFSET + HASH_SIZE)),
    stamp,
  };
  return { record, end };
}

/** A value that is one record and nothing else. */
export function decodeManifestRecord(bytes: Buffer): ManifestRecord {
  const { record, end } = readRecord(bytes, 0);
  if (end !== bytes.length) {
    throw new VriftError("VRIFT_DAMAGED", `a manifest record has ${bytes.length - end} bytes too many`);
  }
  return record;
}

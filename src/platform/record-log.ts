/**
 * Checksummed records in an append-only file: the manifest's journal and the store's roots. Bytes in, values out; no I/O.
 *
 * A record is a 32-byte header and its payload:
 *   0 u32 magic · 4 u32 payload length · 8 u64 sequence · 16 payload checksum (8) · 24 header checksum (8)
 * Checksums are the first 8 bytes of BLAKE3. The header has one of its own, because a damaged length must not pass for a
 * torn tail: a process that is killed in write(2) leaves a *prefix* of what it wrote, so an incomplete record whose
 * header is whole, or less than a header, is a tail nobody was told of, and may be cut. A power cut may also leave zeros
 * at the end. Anything else is damage and must be reported.
 */
import { hashBytes } from "./hash.js";

export const RECORD_HEADER_SIZE = 32;
/** A record is built and checked in memory: this bounds both. */
export const RECORD_PAYLOAD_MAX = 256 * 1024 * 1024;
const MAGIC = 0x314a_5256; // "VRJ1"
const CHECKSUM_SIZE = 8;

export interface LogRecord {
  readonly sequence: bigint;
  readonly payload: Buffer;
  /** Offset of its header. */
  readonly start: number;
}

export interface ScannedLog {
  readonly records: readonly LogRecord[];
  /** Length of the valid prefix. */
  readonly end: number;
  /** What follows the prefix: nothing, an unfinished write that may be cut, or damage. */
  readonly tail: "none" | "torn" | "damaged";
}

/** Header and payload, to be written one after the other (or together). */
export function encodeRecord(sequence: bigint, payload: Uint8Array): Buffer {
  if (payload.length > RECORD_PAYLOAD_MAX) throw new RangeError(`record of ${payload.length} bytes`);
  const bytes = Buffer.allocUnsafe(RECORD_HEADER_SIZE + payload.length);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt32LE(payload.length, 4);
  bytes.writeBigUInt64LE(sequence, 8);
  bytes.set(checksum(payload), 16);
  bytes.set(checksum(bytes.subarray(0, 24)), 24);
  bytes.set(payload, RECORD_HEADER_SIZE);
  return bytes;
}

/** Reads records from `start`. Payloads are views of `bytes`. */
export function scanLog(bytes: Buffer, start = 0): ScannedLog {
  const records: LogRecord[] = [];
  let at = start;
  while (at < bytes.length) {
    const left = bytes.length - at;
    if (left < RECORD_HEADER_SIZE) return { records, end: at, tail: "torn" };
    if (!isHeader(bytes, at)) {
      return { records, end: at, tail: isZero(bytes.subarray(at)) ? "torn" : "damaged" };
    }
    const length = bytes.readUInt32LE(at + 4);
    if (left < RECORD_HEADER_SIZE + length) return { records, end: at, tail: "torn" };
    const payload = bytes.subarray(at + RECORD_HEADER_SIZE, at + RECORD_HEADER_SIZE + length);
    if (!bytes.subarray(at + 16, at + 24).equals(checksum(payload)))
      return { records, end: at, tail: "damaged" };
    records.push({ sequence: bytes.readBigUInt64LE(at + 8), payload, start: at });
    at += RECORD_HEADER_SIZE + length;
  }
  return { records, end: at, tail: "none" };
}

function isHeader(bytes: Buffer, at: number): boolean {
  return (
    bytes.readUInt32LE(at) === MAGIC &&
    bytes.readUInt32LE(at + 4) <= RECORD_PAYLOAD_MAX &&
    bytes.subarray(at + 24, at + RECORD_HEADER_SIZE).equals(checksum(bytes.subarray(at, at + 24)))
  );
}

function checksum(bytes: Uint8Array): Buffer {
  return hashBytes(bytes).subarray(0, CHECKSUM_SIZE);
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

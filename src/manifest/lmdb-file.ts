/**
 * A look at LMDB's file before LMDB maps it: it trusts its pages, so that a file cut short is a SIGBUS, and garbage an
 * endless variety. Layout of a meta page of the LMDB that lmdb-js 3 brings (data version 2, 64-bit little-endian):
 *
 *   24 u32 magic · 28 u32 version · 48 u32 page size · 88 u64 root of the free pages · 136 u64 root · 144 u64 last page
 *   152 u64 transaction
 *
 * There are two, on pages 0 and 1; the one of the later transaction counts.
 */
import { closeSync, constants, fstatSync, ftruncateSync, openSync } from "node:fs";
import { VriftError } from "../platform/errors.js";
import { readFully } from "../platform/files.js";
import { allWithin } from "./lmdb-pages.js";

const MAGIC = 0xbeef_c0de;
const DATA_VERSION = 2;
const META_SIZE = 160;

export interface LmdbMeta {
  readonly pageSize: number;
  readonly lastPage: bigint;
  readonly transaction: bigint;
  /** Pages on which its trees begin. */
  readonly roots: readonly bigint[];
}

/** What LMDB writes into a new file, before anything is synced: the two meta pages. */
const NEW_SIZE = 8192;

/** undefined: a new file. VRIFT_DAMAGED: not LMDB's, or too short for what is in it. */
export function readLmdbMeta(path: string): LmdbMeta | undefined {
  const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const { size } = fstatSync(fd);
    if (size === 0) return undefined;
    if (isUnwritten(fd, size)) {
      ftruncateSync(fd, 0);
      return undefined;
    }
    const first = readMeta(fd, 0);
    const second = first && readMeta(fd, first.pageSize);
    if (!first || !second) throw new VriftError("VRIFT_DAMAGED", `${path} is not a manifest database`);
    const meta = second.transaction > first.transaction ? second : first;
    const needed = (meta.lastPage + 1n) * BigInt(meta.pageSize);
    const pages = BigInt(Math.floor(size / meta.pageSize));
    if (BigInt(size) < needed && !allWithin(fd, meta.pageSize, meta.roots, pages))
      throw new VriftError("VRIFT_DAMAGED", `${path} has ${size} bytes of ${needed}`);
    return meta;
  } finally {
    closeSync(fd);
  }
}

/** A power cut right after it was made: the length is there, the bytes are not. Nothing was ever committed to it. */
function isUnwritten(fd: number, size: number): boolean {
  if (size > NEW_SIZE) return false;
  const bytes = Buffer.alloc(size);
  readFully(fd, bytes, 0);
  return bytes.every((byte) => byte === 0);
}

function readMeta(fd: number, position: number): LmdbMeta | undefined {
  const bytes = Buffer.alloc(META_SIZE);
  if (readFully(fd, bytes, position) < META_SIZE) return undefined;
  if (bytes.readUInt32LE(24) !== MAGIC || bytes.readUInt32LE(28) !== DATA_VERSION) return undefined;
  return {
    pageSize: bytes.readUInt32LE(48),
    lastPage: bytes.readBigUInt64LE(144),
    transaction: bytes.readBigUInt64LE(152),
    roots: [bytes.readBigUInt64LE(88), bytes.readBigUInt64LE(136)],
  };
}

/**
 * LMDB keys: parent id (u64, big-endian, so that a directory is a range) and the bytes of the name. Two ids no entry can
 * have hold private facts and the manifest's own state.
 */
import { VriftError } from "../platform/errors.js";
import type { EntryId } from "./manifest.js";

export const META_PARENT: EntryId = 0xffff_ffff_ffff_fffen;
export const STATE_PARENT: EntryId = 0xffff_ffff_ffff_ffffn;
/** Ids from here on are not given to entries. */
export const RESERVED_IDS: EntryId = META_PARENT;

const NAME_OFFSET = 8;
/** NAME_MAX of Linux. */
const NAME_BYTES_MAX = 255;

export function entryKey(parent: EntryId, name: string): Buffer {
  const bytes = Buffer.allocUnsafe(NAME_OFFSET + Buffer.byteLength(name));
  bytes.writeBigUInt64BE(parent, 0);
  bytes.write(name, NAME_OFFSET);
  return bytes;
}

/** The name in a key, not copied. */
export function nameBytes(key: Uint8Array): Uint8Array {
  return key.subarray(NAME_OFFSET);
}

export function nameOfKey(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("utf8", NAME_OFFSET);
}

/** EINVAL, ENAMETOOLONG or EILSEQ for what cannot be the name of an entry. */
export function checkName(name: string): void {
  if (name === "" || name === "." || name === ".." || name.includes("/") || name.includes("\0")) {
    throw new VriftError("EINVAL", `${JSON.stringify(name)} cannot be a name`);
  }
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) {
    throw new VriftError("ENAMETOOLONG", `the name ${name.slice(0, 64)}… is over ${NAME_BYTES_MAX} bytes`);
  }
  if (/\p{Surrogate}/u.test(name))
    throw new VriftError("EILSEQ", `${JSON.stringify(name)} is not valid Unicode`);
}

/**
 * Orders strings as their UTF-8 bytes (memcmp) do. Differs from `<`, which orders UTF-16 units, where one side has a
 * character above U+FFFF and the other one between U+E000 and U+FFFF.
 */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates after the rest of the Basic Multilingual Plane. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** One entry in its forms: manifest record, wire entry, index value, adopt entry. Pure. */
import type { EntryId, ManifestRecord, Stamp } from "../manifest/manifest.js";
import type { IndexValue } from "../platform/native.js";
import { EMPTY_HASH, hashToHex } from "../platform/hash.js";
import type { VnodeEntry } from "../protocol/messages.js";
import { constants } from "../vdir/layout.js";
import type { PhysicalName } from "./physical.js";
import type { AdoptEntry } from "./workspace.js";

export const DIR = Number(constants.ENTRY_DIR);
export const SYMLINK = Number(constants.ENTRY_SYMLINK);
export const VIRTUAL = Number(constants.ENTRY_VIRTUAL);
export const BACKED = Number(constants.ENTRY_BACKED);
const KERNEL = Number(constants.ENTRY_KERNEL);
export const COMPLETE = Number(constants.ENTRY_COMPLETE);
export const HASHED = Number(constants.ENTRY_HASHED);
export const YOUNG = Number(constants.ENTRY_YOUNG);

const S_IFIFO = 0o010000;
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;

export const NO_HASH: Uint8Array = new Uint8Array(32);

/** What a virtual entry is made of. */
export interface VirtualContent {
  readonly hash: Uint8Array;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly mode: number;
  readonly blocks: number;
}

export function isDir(record: ManifestRecord): boolean {
  return (record.flags & DIR) !== 0;
}

export function isSymlink(record: ManifestRecord): boolean {
  return (record.flags & SYMLINK) !== 0;
}

export function isVirtual(record: Pick<ManifestRecord, "flags">): boolean {
  return (record.flags & VIRTUAL) !== 0;
}

/**
 * @param pending the file that still stands at the path with this very content and is about to be removed by whoever had
 *   it adopted. As long as it is untouched it does not win over the entry: without this, a resync between adoption and
 *   removal would make the entry backed, and the removal would then end it.
 */
export function virtualRecord(
  id: EntryId,
  content: VirtualContent,
  nowNs: bigint,
  pending?: PhysicalName,
): ManifestRecord {
  return {
    id,
    flags: VIRTUAL | HASHED,
    mode: content.mode,
    size: content.size,
    mtimeNs: content.mtimeNs,
    ctimeNs: nowNs,
    blocks: content.blocks,
    hash: content.hash,
    stamp: pending === undefined ? null : stampOf(pending),
  };
}

/** @param hash of the content (of a link's target), when it is known for exactly this stamp. */
export function backedRecord(id: EntryId, physical: PhysicalName, hash?: Uint8Array): ManifestRecord {
  const dir = physical.type === "dir";
  const empty = physical.type === "file" && physical.size === 0n;
  const known = dir ? undefined : (hash ?? (empty ? EMPTY_HASH : undefined));
  return {
    id,
    flags: BACKED | typeFlag(physical) | (known ? HASHED : 0),
    mode: physical.mode,
    size: dir ? 0n : physical.size,
    mtimeNs: physical.mtimeNs,
    ctimeNs: physical.ctimeNs,
    blocks: physical.blocks,
    hash: known ?? NO_HASH,
    stamp: stampOf(physical),
  };
}

export function stampOf(physical: PhysicalName): Stamp {
  return {
    size: physical.size,
    mtimeNs: physical.mtimeNs,
    ctimeNs: physical.ctimeNs,
    ino: physical.ino,
  };
}

/** True when the record describes the physical name: type, mode and stamp. */
export function describes(record: ManifestRecord, physical: PhysicalName): boolean {
  const stamp = record.stamp;
  return (
    stamp !== null &&
    (record.flags & (DIR | SYMLINK)) === typeFlag(physical) &&
    record.mode === physical.mode &&
    stamp.ino === physical.ino &&
    stamp.ctimeNs === physical.ctimeNs &&
    stamp.mtimeNs === physical.mtimeNs &&
    stamp.size === physical.size
  );
}

/** The wire's form: a directory has a zero hash and size 0, a time before 1970 is 0. */
export function toVnodeEntry(record: ManifestRecord): VnodeEntry {
  return {
    content_hash: new Uint8Array(isDir(record) ? NO_HASH : record.hash),
    size: isDir(record) ? 0n : record.size,
    mtime: record.mtimeNs < 0n ? 0n : record.mtimeNs,
    mode: record.mode,
    flags: record.flags & (DIR | SYMLINK),
  };
}

export function toAdoptEntry(key: string, record: ManifestRecord): AdoptEntry {
  return {
    path: key,
    hash: hashToHex(record.hash),
    size: String(record.size),
    mtimeNs: String(record.mtimeNs),
    mode: record.mode,
    blocks: record.blocks,
  };
}

/** @param complete of a directory: its child list names every name in it. */
export function toIndexValue(record: ManifestRecord, complete: boolean): IndexValue {
  const type = isDir(record) ? S_IFDIR : isSymlink(record) ? S_IFLNK : S_IFREG;
  return {
    flags: record.flags | (complete && isDir(record) ? COMPLETE : 0),
    mode: type | record.mode,
    size: isDir(record) && record.stamp !== null ? record.stamp.size : record.size,
    mtimeNs: record.mtimeNs,
    ctimeNs: record.ctimeNs,
    ino: isVirtual(record) ? constants.VIRTUAL_INODE_BASE + record.id : (record.stamp?.ino ?? 0n),
    blocks: record.blocks,
    hash: record.hash,
  };
}

/** A name that only the kernel can answer for: itself and everything below it. */
export function toStubValue(physical: PhysicalName): IndexValue {
  const type = { dir: S_IFDIR, symlink: S_IFLNK, file: S_IFREG, special: S_IFIFO }[physical.type];
  return {
    flags: KERNEL | typeFlag(physical),
    mode: type | physical.mode,
    size: physical.size,
    mtimeNs: physical.mtimeNs,
    ctimeNs: physical.ctimeNs,
    ino: physical.ino,
    blocks: physical.blocks,
    hash: NO_HASH,
  };
}

function typeFlag(physical: PhysicalName): number {
  return physical.type === "dir" ? DIR : physical.type === "symlink" ? SYMLINK : 0;
}

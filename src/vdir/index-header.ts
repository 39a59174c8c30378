/** The header of an index file, read as it is at this moment. */
import { VriftError } from "../platform/errors.js";
import { offsetsOf } from "./fields.js";
import { constants, indexEntry, indexHeader } from "./layout.js";

export interface IndexHeader {
  readonly kind: number;
  readonly fileSize: number;
  /** The daemon that made the file still runs. */
  readonly alive: boolean;
  readonly structureSeq: bigint;
  /** CLOCK_MONOTONIC. */
  readonly heartbeatNs: bigint;
  readonly transaction: bigint;
  readonly superseded: boolean;
  readonly distrust: number;
  readonly entryCount: number;
  /** Tags of removed names that still have to be passed. */
  readonly removedTags: number;
  /** Places. */
  readonly entryCapacity: number;
  /** Most of them that are ever taken. */
  readonly entryLimit: number;
  readonly tagsOffset: number;
  readonly entriesOffset: number;
  readonly hashesOffset: number;
  readonly keysOffset: number;
  readonly keysSize: number;
  readonly keysUsed: number;
  readonly seenOffset: number;
  readonly rootDev: bigint;
  readonly rootIno: bigint;
  readonly sourceDev: bigint;
  readonly uid: number;
  readonly gid: number;
  readonly virtualEntries: number;
  readonly virtualBytes: bigint;
  /** Hashes in the list of roots at `transaction`. */
  readonly heldHashes: number;
  readonly workspaceId: string;
  readonly rootPath: string;
  readonly sourcePath: string;
}

const at = offsetsOf(indexHeader);
const GROUP = Number(constants.GROUP_ENTRIES);

/** VRIFT_DAMAGED unless the file is an index of this version whose sections lie inside it. */
export function readHeader(buffer: ArrayBuffer): IndexHeader {
  if (buffer.byteLength < constants.INDEX_HEADER_SIZE) throw damaged("it is too short");
  const view = new DataView(buffer);
  const u32 = (name: string) => view.getUint32(at(name), true);
  const u64 = (name: string) => view.getBigUint64(at(name), true);
  // Beyond 2^53 it is out of any file's bounds, rounded or not.
  const size = (name: string) => Number(u64(name));
  if (u64("magic") !== constants.INDEX_MAGIC) throw damaged("its first bytes say something else");
  if (u32("version") !== Number(constants.INDEX_VERSION)) throw damaged(`its version is ${u32("version")}`);
  const text = (offset: bigint, length: number) => Buffer.from(buffer, Number(offset), length).toString();
  const aliveWord = u32("alive");
  const header: IndexHeader = {
    kind: u32("kind"),
    fileSize: size("file_size"),
    alive:
      (aliveWord & Number(constants.FUTEX_TID_MASK)) !== 0 &&
      (aliveWord & Number(constants.FUTEX_OWNER_DIED)) === 0,
    structureSeq: u64("structure_seq"),
    heartbeatNs: u64("heartbeat_ns"),
    transaction: u64("transaction"),
    superseded: u32("superseded") !== 0,
    distrust: u32("distrust"),
    entryCount: u32("entry_count"),
    removedTags: u32("removed_tags"),
    entryCapacity: u32("entry_capacity"),
    entryLimit: u32("entry_limit"),
    tagsOffset: size("tags_offset"),
    entriesOffset: size("entries_offset"),
    hashesOffset: size("hashes_offset"),
    keysOffset: size("keys_offset"),
    keysSize: size("keys_size"),
    keysUsed: size("keys_used"),
    seenOffset: size("seen_offset"),
    rootDev: u64("root_dev"),
    rootIno: u64("root_ino"),
    sourceDev: u64("source_dev"),
    uid: u32("uid"),
    gid: u32("gid"),
    virtualEntries: size("virtual_entries"),
    virtualBytes: u64("virtual_bytes"),
    heldHashes: size("held_hashes"),
    workspaceId: text(BigInt(at("workspace_id")), 32),
    rootPath: text(constants.INDEX_ROOT_PATH_OFFSET, Math.min(u32("root_length"), 4095)),
    sourcePath: text(constants.INDEX_SOURCE_PATH_OFFSET, Math.min(u32("source_length"), 4095)),
  };
  checkSections(header, buffer.byteLength);
  return header;
}

function checkSections(header: IndexHeader, length: number): void {
  const sections = [
    [header.seenOffset, 8 * Number(constants.MARK_COUNT)],
    [header.tagsOffset, 2 * header.entryCapacity],
    [header.entriesOffset, indexEntry.size * header.entryCapacity],
    [header.hashesOffset, 32 * header.entryCapacity],
    [header.keysOffset, header.keysSize],
  ] as const;
  if (header.fileSize !== length) throw damaged("its size is not what it says");
  if (header.entryCapacity < GROUP || header.entryCapacity % GROUP !== 0) throw damaged("entries");
  for (const [offset, size] of sections) {
    if (offset < constants.INDEX_HEADER_SIZE || offset % 64 !== 0 || offset + size > length)
      throw damaged("sections");
  }
}

function damaged(what: string): VriftError {
  return new VriftError("VRIFT_DAMAGED", `not a usable index file: ${what}`);
}

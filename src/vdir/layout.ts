/**
 * Every byte layout that C and TypeScript share, declared once.
 *
 * `tools/generate.ts` turns these tables into `native/generated/vrift_layout.h`, with a static assertion for each size
 * and offset; CI fails when the committed header differs. All integers are little-endian. Reasons and invariants are in
 * docs/index-format.md.
 */
import { SEAL_SECONDS } from "../platform/seal.js";

export type FieldType = "u8" | "u16" | "u32" | "u64" | "i64" | "bytes";

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** Byte offset in the structure, stated so that a changed table cannot move a field silently. */
  readonly offset: number;
  /** Length in bytes, for `bytes` only. */
  readonly length?: number;
  readonly comment: string;
}

export interface Struct {
  readonly name: string;
  readonly size: number;
  readonly comment: string;
  readonly fields: readonly Field[];
}

/** Constants of the private index, the marks and the version-1 export. Names become `VRIFT_<NAME>` in C. */
export const constants = {
  INDEX_MAGIC: 0x5844_4954_4649_5256n, // "VRIFTIDX"
  INDEX_VERSION: 5n,
  INDEX_HEADER_SIZE: 16384n,
  /** Offsets of the NUL-terminated texts inside the header block. */
  INDEX_ROOT_PATH_OFFSET: 4096n,
  INDEX_SOURCE_PATH_OFFSET: 8192n,
  INDEX_PATH_MAX: 4096n,
  /** In the header block too: an entry as it was before the change in place that was begun last (struct vrift_undo). */
  INDEX_UNDO_OFFSET: 12288n,
  /** Keys up to this many bytes are in the entry itself, beside its other fields; longer ones in the pool. */
  INLINE_KEY_SIZE: 64n,

  MARK_WORDS: 65536n,
  /** The word after them counts every operation on any word: equal to its `seen`, all of them are. */
  MARK_SUMMARY: 65536n,
  /**
   * Moved by who is about to execute a program that cannot be injected: until vdir_d has seen that it ended, the kernel is asked for
   * every name of a solid tree (docs/solid.md). In the summary's cache line.
   */
  MARK_UNINJECTED: 65537n,
  /** Words in `marks` and `seen`: the summary has a cache line of its own. */
  MARK_COUNT: 65544n,
  /** Added to a mark before an operation, and … */
  MARK_BEGIN: 1n,
  /** … after it: together one generation, and nothing in flight. */
  MARK_END: 65535n,
  MARK_IN_FLIGHT: 65535n,

  /** Entry flags. The two lowest are the specification's. */
  ENTRY_DIR: 0x01n,
  ENTRY_SYMLINK: 0x02n,
  /** Content is a blob of the store; a physical file at the path wins. */
  ENTRY_VIRTUAL: 0x04n,
  /** Content is the physical file. */
  ENTRY_BACKED: 0x08n,
  /** Only the kernel knows (special files, `.git`, secrets, ignored): this name and everything below it. */
  ENTRY_KERNEL: 0x10n,
  /** Directory whose child list names every name in it: what is not listed is absent. */
  ENTRY_COMPLETE: 0x20n,
  /** `content_hash` is known. */
  ENTRY_HASHED: 0x40n,
  /** The entry was removed. One that was never used has `seq` 0. */
  ENTRY_FREE: 0x80n,
  /** BACKED, and everything that stat tells of it is here and in `times` (docs/solid.md). */
  ENTRY_EXACT: 0x100n,
  /** It could be EXACT but for its last change being too recent, or an open writer. */
  ENTRY_YOUNG: 0x200n,

  /** Entries that share the place a hash points at: their tags are compared at once. */
  GROUP_ENTRIES: 16n,
  /** Tags: 16 bits of the key's hash, or one of these. Other values below TAG_FIRST do not occur. */
  TAG_EMPTY: 0n,
  /** A removed name, or entry 0: probing goes on. */
  TAG_REMOVED: 1n,
  TAG_FIRST: 2n,

  /** Rules of access times in the header (docs/solid.md): reading may change any, changes those that are due, or changes none. */
  ACCESS_MOVES: 0n,
  ACCESS_RELATIVE: 1n,
  ACCESS_FIXED: 2n,

  /** Workspace kinds in the header. */
  KIND_SOLID: 0n,
  KIND_PHANTOM: 1n,

  /**
   * Bit of `distrust` that only the watcher raises: it lost events or a watch. The other bits are reasons of whoever owns
   * the index.
   */
  DISTRUST_LOST: 0x8000_0000n,

  /** A `heartbeat_ns` older than this is that of a frozen daemon. */
  HEARTBEAT_STALE_NS: 10_000_000_000n,

  /** Inode number shown for a virtual entry: this plus the entry's manifest id. */
  VIRTUAL_INODE_BASE: 1n << 52n,

  /** Modification time of a blob that nobody has written to since its content was checked: seconds since 1970. */
  SEAL_SECONDS: BigInt(SEAL_SECONDS),

  /** Futex word bits (linux/futex.h): the thread id of a live owner, and the kernel's note that it died. */
  FUTEX_TID_MASK: 0x3fff_ffffn,
  FUTEX_OWNER_DIED: 0x4000_0000n,

  EXPORT_MAGIC: 0x504d_4d56n, // "VMMP"
  EXPORT_VERSION: 1n,
  EXPORT_BLOOM_SIZE: 32768n,
  /** Bits set for each key. */
  EXPORT_BLOOM_HASHES: 4n,
  EXPORT_HASH_EMPTY: 0n,
  EXPORT_HASH_DELETED: 1n,
  /** Stored for a key whose FNV-1a hash is 0 or 1. */
  EXPORT_HASH_SUBSTITUTE: 2n,
} as const;

export const indexHeader: Struct = {
  name: "vrift_index_header",
  size: 344,
  comment: "Start of the index file; the root and source paths follow inside the 16 KiB header block.",
  fields: [
    { name: "magic", type: "u64", offset: 0, comment: "INDEX_MAGIC; written last when the file is made" },
    { name: "version", type: "u32", offset: 8, comment: "INDEX_VERSION" },
    { name: "kind", type: "u32", offset: 12, comment: "KIND_SOLID or KIND_PHANTOM" },
    { name: "file_size", type: "u64", offset: 16, comment: "bytes; equals fstat's st_size" },
    {
      name: "alive",
      type: "bytes",
      offset: 24,
      length: 40,
      comment: "robust pthread_mutex_t held by the daemon; its first u32 is the futex word",
    },
    {
      name: "structure_seq",
      type: "u64",
      offset: 64,
      comment: "odd while names are being added, removed or moved",
    },
    { name: "heartbeat_ns", type: "u64", offset: 72, comment: "CLOCK_MONOTONIC of the daemon's last beat" },
    { name: "transaction", type: "u64", offset: 80, comment: "manifest sequence number the file reflects" },
    {
      name: "superseded",
      type: "u32",
      offset: 88,
      comment: "1: a newer file has taken this one's name; map again",
    },
    {
      name: "distrust",
      type: "u32",
      offset: 92,
      comment:
        "not 0: ask the kernel first for every name (overflow, rescan running); DISTRUST_LOST is the watcher's",
    },
    { name: "entry_count", type: "u32", offset: 96, comment: "entries in use" },
    {
      name: "removed_tags",
      type: "u32",
      offset: 100,
      comment: "tags that hold TAG_REMOVED, entry 0's not counted",
    },
    {
      name: "entry_capacity",
      type: "u32",
      offset: 104,
      comment: "places for entries; a multiple of GROUP_ENTRIES",
    },
    {
      name: "entry_limit",
      type: "u32",
      offset: 108,
      comment: "most places taken, removed ones counted: 15 of 16",
    },
    { name: "tags_offset", type: "u64", offset: 112, comment: "u16[entry_capacity]" },
    {
      name: "entries_offset",
      type: "u64",
      offset: 120,
      comment: "struct vrift_index_entry[entry_capacity]; entry 0 is the root directory",
    },
    { name: "keys_offset", type: "u64", offset: 128, comment: "pool of keys, not terminated" },
    { name: "keys_size", type: "u64", offset: 136, comment: "" },
    { name: "keys_used", type: "u64", offset: 144, comment: "" },
    {
      name: "seen_offset",
      type: "u64",
      offset: 152,
      comment: "u64[MARK_COUNT]: marks the daemon has caught up with",
    },
    { name: "root_dev", type: "u64", offset: 160, comment: "st_dev of the root directory" },
    { name: "root_ino", type: "u64", offset: 168, comment: "st_ino of the root directory" },
    { name: "source_dev", type: "u64", offset: 176, comment: "st_dev of the store's blob directory" },
    { name: "uid", type: "u32", offset: 184, comment: "owner of every virtual entry" },
    { name: "gid", type: "u32", offset: 188, comment: "group of every virtual entry" },
    { name: "root_length", type: "u32", offset: 192, comment: "bytes of the root path, without NUL" },
    { name: "source_length", type: "u32", offset: 196, comment: "bytes of the store path, without NUL" },
    { name: "hashes_offset", type: "u64", offset: 200, comment: "u8[entry_capacity][32]: content hashes" },
    { name: "workspace_id", type: "bytes", offset: 208, length: 32, comment: "hexadecimal, not terminated" },
    {
      name: "boot_id",
      type: "bytes",
      offset: 240,
      length: 16,
      comment: "of the machine when the file was made",
    },
    { name: "virtual_entries", type: "u64", offset: 256, comment: "entries with VIRTUAL" },
    { name: "virtual_bytes", type: "u64", offset: 264, comment: "their sizes added up" },
    {
      name: "held_hashes",
      type: "u64",
      offset: 272,
      comment: "hashes in the workspace's list of roots at `transaction`: a shorter one has lost some",
    },
    { name: "times_offset", type: "u64", offset: 280, comment: "struct vrift_index_times[entry_capacity]" },
    {
      name: "access_floor_ns",
      type: "i64",
      offset: 288,
      comment: "ACCESS_RELATIVE: access times before this are due; moved on by the daemon",
    },
    { name: "access_rule", type: "u32", offset: 296, comment: "ACCESS_*, of the root's mount" },
    { name: "block_size", type: "u32", offset: 300, comment: "st_blksize of every EXACT entry" },
    {
      name: "basic_mask",
      type: "u32",
      offset: 304,
      comment: "stx_mask of an answer to STATX_BASIC_STATS; 0: not known",
    },
    { name: "birth_mask", type: "u32", offset: 308, comment: "the same, STATX_BTIME asked for as well" },
    {
      name: "attributes_mask",
      type: "u64",
      offset: 312,
      comment: "stx_attributes_mask of every EXACT entry",
    },
    { name: "mount_id", type: "u64", offset: 320, comment: "stx_mnt_id of every EXACT entry" },
    {
      name: "mount_namespace",
      type: "u64",
      offset: 328,
      comment: "st_ino of the daemon's /proc/self/ns/mnt; programs in another one ask the kernel",
    },
    { name: "reserved", type: "u64", offset: 336, comment: "zero" },
  ],
};

export const indexTimes: Struct = {
  name: "vrift_index_times",
  size: 24,
  comment: "What stat tells of an EXACT entry beside the entry; guarded by the entry's `seq`.",
  fields: [
    { name: "atime_ns", type: "i64", offset: 0, comment: "nanoseconds since 1970" },
    { name: "btime_ns", type: "i64", offset: 8, comment: "birth; 0 where the file system has none" },
    { name: "nlink", type: "u32", offset: 16, comment: "st_nlink" },
    { name: "reserved", type: "u32", offset: 20, comment: "zero" },
  ],
};

export const indexEntry: Struct = {
  name: "vrift_index_entry",
  size: 128,
  comment:
    "One name of the tree: a cache line of what is said of it, and one for its key unless that is long.",
  fields: [
    { name: "seq", type: "u32", offset: 0, comment: "odd while the entry is being written; 0: never used" },
    { name: "flags", type: "u16", offset: 4, comment: "ENTRY_*" },
    { name: "key_length", type: "u16", offset: 6, comment: "bytes of the whole key" },
    { name: "size", type: "u64", offset: 8, comment: "bytes" },
    { name: "mtime_ns", type: "i64", offset: 16, comment: "nanoseconds since 1970" },
    {
      name: "ctime_ns",
      type: "i64",
      offset: 24,
      comment: "virtual: the last manifest change; backed: st_ctim",
    },
    {
      name: "ino",
      type: "u64",
      offset: 32,
      comment: "virtual: VIRTUAL_INODE_BASE + manifest id; backed: st_ino",
    },
    { name: "mode", type: "u16", offset: 40, comment: "st_mode, type bits included" },
    {
      name: "name_length",
      type: "u16",
      offset: 42,
      comment: "bytes of the last component; the key ends with it",
    },
    { name: "blocks", type: "u32", offset: 44, comment: "st_blocks (512-byte units), saturated" },
    { name: "parent", type: "u32", offset: 48, comment: "entry of the directory; the root's is itself" },
    { name: "first_child", type: "u32", offset: 52, comment: "0: none (the root is nobody's child)" },
    { name: "next", type: "u32", offset: 56, comment: "next sibling, 0: last" },
    { name: "prev", type: "u32", offset: 60, comment: "previous sibling, 0: first" },
    {
      name: "inline_key",
      type: "bytes",
      offset: 64,
      length: 64,
      comment: "the key, not terminated; a longer one's place in the pool (u32), then zeros",
    },
  ],
};

/** How entries travel to `indexFill`; not part of any file. */
export const fillRecord: Struct = {
  name: "vrift_fill_record",
  size: 80,
  comment:
    "One entry for indexFill; `key_length` bytes of key and 0 to 7 NULs follow, up to a multiple of 8.",
  fields: [
    { name: "size", type: "u64", offset: 0, comment: "" },
    { name: "mtime_ns", type: "i64", offset: 8, comment: "" },
    { name: "ctime_ns", type: "i64", offset: 16, comment: "" },
    { name: "ino", type: "u64", offset: 24, comment: "" },
    { name: "content_hash", type: "bytes", offset: 32, length: 32, comment: "" },
    { name: "mode", type: "u32", offset: 64, comment: "" },
    { name: "blocks", type: "u32", offset: 68, comment: "" },
    { name: "flags", type: "u16", offset: 72, comment: "" },
    { name: "reserved", type: "u16", offset: 74, comment: "zero" },
    { name: "key_length", type: "u32", offset: 76, comment: "" },
  ],
};

export const exportHeader: Struct = {
  name: "vrift_export_header",
  size: 40,
  comment: "ManifestMmapHeader of the specification, section 7.",
  fields: [
    { name: "magic", type: "u32", offset: 0, comment: "EXPORT_MAGIC" },
    { name: "version", type: "u32", offset: 4, comment: "EXPORT_VERSION" },
    { name: "entry_count", type: "u32", offset: 8, comment: "" },
    { name: "bloom_offset", type: "u32", offset: 12, comment: "" },
    { name: "table_offset", type: "u32", offset: 16, comment: "" },
    { name: "table_capacity", type: "u32", offset: 20, comment: "power of two" },
    { name: "dir_index_offset", type: "u32", offset: 24, comment: "" },
    { name: "dir_index_capacity", type: "u32", offset: 28, comment: "power of two" },
    { name: "children_offset", type: "u32", offset: 32, comment: "" },
    { name: "children_count", type: "u32", offset: 36, comment: "" },
  ],
};

export const exportStatEntry: Struct = {
  name: "vrift_export_stat_entry",
  size: 40,
  comment: "MmapStatEntry of the specification.",
  fields: [
    { name: "path_hash", type: "u64", offset: 0, comment: "FNV-1a 64 of the key; 0 empty, 1 deleted" },
    { name: "size", type: "u64", offset: 8, comment: "bytes" },
    { name: "mtime", type: "i64", offset: 16, comment: "seconds" },
    { name: "mtime_nsec", type: "i64", offset: 24, comment: "nanoseconds, 0 to 999,999,999" },
    { name: "mode", type: "u32", offset: 32, comment: "st_mode & 07777" },
    { name: "flags", type: "u32", offset: 36, comment: "0x01 dir, 0x02 symlink" },
  ],
};

export const exportDirIndexEntry: Struct = {
  name: "vrift_export_dir_index_entry",
  size: 16,
  comment: "MmapDirIndexEntry: where the children of one directory are.",
  fields: [
    { name: "parent_hash", type: "u64", offset: 0, comment: "FNV-1a 64 of the directory's key; 0 empty" },
    { name: "children_start", type: "u32", offset: 8, comment: "index into the children pool" },
    { name: "children_count", type: "u32", offset: 12, comment: "" },
  ],
};

export const exportDirChild: Struct = {
  name: "vrift_export_dir_child",
  size: 136,
  comment: "MmapDirChild: one directory entry.",
  fields: [
    { name: "name", type: "bytes", offset: 0, length: 128, comment: "NUL-terminated" },
    { name: "stat_index", type: "u32", offset: 128, comment: "slot in the stat table" },
    { name: "is_dir", type: "u8", offset: 132, comment: "0 or 1" },
    { name: "reserved", type: "bytes", offset: 133, length: 3, comment: "zero" },
  ],
};

export const structs: readonly Struct[] = [
  indexHeader,
  indexEntry,
  indexTimes,
  fillRecord,
  exportHeader,
  exportStatEntry,
  exportDirIndexEntry,
  exportDirChild,
];

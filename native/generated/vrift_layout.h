/* Generated from src/vdir/layout.ts and src/platform/scan-record.ts by `npm run generate`; do not edit. */
#ifndef VRIFT_LAYOUT_H
#define VRIFT_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define VRIFT_INDEX_MAGIC 0x5844495446495256ull
#define VRIFT_INDEX_VERSION 5u
#define VRIFT_INDEX_HEADER_SIZE 16384u
#define VRIFT_INDEX_ROOT_PATH_OFFSET 4096u
#define VRIFT_INDEX_SOURCE_PATH_OFFSET 8192u
#define VRIFT_INDEX_PATH_MAX 4096u
#define VRIFT_INDEX_UNDO_OFFSET 12288u
#define VRIFT_INLINE_KEY_SIZE 64u
#define VRIFT_MARK_WORDS 0x10000u
#define VRIFT_MARK_SUMMARY 0x10000u
#define VRIFT_MARK_UNINJECTED 0x10001u
#define VRIFT_MARK_COUNT 0x10008u
#define VRIFT_MARK_BEGIN 1u
#define VRIFT_MARK_END 65535u
#define VRIFT_MARK_IN_FLIGHT 65535u
#define VRIFT_ENTRY_DIR 1u
#define VRIFT_ENTRY_SYMLINK 2u
#define VRIFT_ENTRY_VIRTUAL 4u
#define VRIFT_ENTRY_BACKED 8u
#define VRIFT_ENTRY_KERNEL 16u
#define VRIFT_ENTRY_COMPLETE 32u
#define VRIFT_ENTRY_HASHED 64u
#define VRIFT_ENTRY_FREE 128u
#define VRIFT_ENTRY_EXACT 256u
#define VRIFT_ENTRY_YOUNG 512u
#define VRIFT_GROUP_ENTRIES 16u
#define VRIFT_TAG_EMPTY 0u
#define VRIFT_TAG_REMOVED 1u
#define VRIFT_TAG_FIRST 2u
#define VRIFT_ACCESS_MOVES 0u
#define VRIFT_ACCESS_RELATIVE 1u
#define VRIFT_ACCESS_FIXED 2u
#define VRIFT_KIND_SOLID 0u
#define VRIFT_KIND_PHANTOM 1u
#define VRIFT_DISTRUST_LOST 0x80000000u
#define VRIFT_HEARTBEAT_STALE_NS 0x2540be400ull
#define VRIFT_VIRTUAL_INODE_BASE 0x10000000000000ull
#define VRIFT_SEAL_SECONDS 0x3b9aca00u
#define VRIFT_FUTEX_TID_MASK 0x3fffffffu
#define VRIFT_FUTEX_OWNER_DIED 0x40000000u
#define VRIFT_EXPORT_MAGIC 0x504d4d56u
#define VRIFT_EXPORT_VERSION 1u
#define VRIFT_EXPORT_BLOOM_SIZE 32768u
#define VRIFT_EXPORT_BLOOM_HASHES 4u
#define VRIFT_EXPORT_HASH_EMPTY 0u
#define VRIFT_EXPORT_HASH_DELETED 1u
#define VRIFT_EXPORT_HASH_SUBSTITUTE 2u

/* Start of the index file; the root and source paths follow inside the 16 KiB header block. */
struct vrift_index_header {
  uint64_t magic; /* INDEX_MAGIC; written last when the file is made */
  uint32_t version; /* INDEX_VERSION */
  uint32_t kind; /* KIND_SOLID or KIND_PHANTOM */
  uint64_t file_size; /* bytes; equals fstat's st_size */
  uint8_t alive[40]; /* robust pthread_mutex_t held by the daemon; its first u32 is the futex word */
  uint64_t structure_seq; /* odd while names are being added, removed or moved */
  uint64_t heartbeat_ns; /* CLOCK_MONOTONIC of the daemon's last beat */
  uint64_t transaction; /* manifest sequence number the file reflects */
  uint32_t superseded; /* 1: a newer file has taken this one's name; map again */
  uint32_t distrust; /* not 0: ask the kernel first for every name (overflow, rescan running); DISTRUST_LOST is the watcher's */
  uint32_t entry_count; /* entries in use */
  uint32_t removed_tags; /* tags that hold TAG_REMOVED, entry 0's not counted */
  uint32_t entry_capacity; /* places for entries; a multiple of GROUP_ENTRIES */
  uint32_t entry_limit; /* most places taken, removed ones counted: 15 of 16 */
  uint64_t tags_offset; /* u16[entry_capacity] */
  uint64_t entries_offset; /* struct vrift_index_entry[entry_capacity]; entry 0 is the root directory */
  uint64_t keys_offset; /* pool of keys, not terminated */
  uint64_t keys_size;
  uint64_t keys_used;
  uint64_t seen_offset; /* u64[MARK_COUNT]: marks the daemon has caught up with */
  uint64_t root_dev; /* st_dev of the root directory */
  uint64_t root_ino; /* st_ino of the root directory */
  uint64_t source_dev; /* st_dev of the store's blob directory */
  uint32_t uid; /* owner of every virtual entry */
  uint32_t gid; /* group of every virtual entry */
  uint32_t root_length; /* bytes of the root path, without NUL */
  uint32_t source_length; /* bytes of the store path, without NUL */
  uint64_t hashes_offset; /* u8[entry_capacity][32]: content hashes */
  uint8_t workspace_id[32]; /* hexadecimal, not terminated */
  uint8_t boot_id[16]; /* of the machine when the file was made */
  uint64_t virtual_entries; /* entries with VIRTUAL */
  uint64_t virtual_bytes; /* their sizes added up */
  uint64_t held_hashes; /* hashes in the workspace's list of roots at `transaction`: a shorter one has lost some */
  uint64_t times_offset; /* struct vrift_index_times[entry_capacity] */
  int64_t access_floor_ns; /* ACCESS_RELATIVE: access times before this are due; moved on by the daemon */
  uint32_t access_rule; /* ACCESS_*, of the root's mount */
  uint32_t block_size; /* st_blksize of every EXACT entry */
  uint32_t basic_mask; /* stx_mask of an answer to STATX_BASIC_STATS; 0: not known */
  uint32_t birth_mask; /* the same, STATX_BTIME asked for as well */
  uint64_t attributes_mask; /* stx_attributes_mask of every EXACT entry */
  uint64_t mount_id; /* stx_mnt_id of every EXACT entry */
  uint64_t mount_namespace; /* st_ino of the daemon's /proc/self/ns/mnt; programs in another one ask the kernel */
  uint64_t reserved; /* zero */
};
_Static_assert(sizeof(struct vrift_index_header) == 344, "vrift_index_header");
_Static_assert(offsetof(struct vrift_index_header, magic) == 0, "vrift_index_header.magic");
_Static_assert(offsetof(struct vrift_index_header, version) == 8, "vrift_index_header.version");
_Static_assert(offsetof(struct vrift_index_header, kind) == 12, "vrift_index_header.kind");
_Static_assert(offsetof(struct vrift_index_header, file_size) == 16, "vrift_index_header.file_size");
_Static_assert(offsetof(struct vrift_index_header, alive) == 24, "vrift_index_header.alive");
_Static_assert(offsetof(struct vrift_index_header, structure_seq) == 64, "vrift_index_header.structure_seq");
_Static_assert(offsetof(struct vrift_index_header, heartbeat_ns) == 72, "vrift_index_header.heartbeat_ns");
_Static_assert(offsetof(struct vrift_index_header, transaction) == 80, "vrift_index_header.transaction");
_Static_assert(offsetof(struct vrift_index_header, superseded) == 88, "vrift_index_header.superseded");
_Static_assert(offsetof(struct vrift_index_header, distrust) == 92, "vrift_index_header.distrust");
_Static_assert(offsetof(struct vrift_index_header, entry_count) == 96, "vrift_index_header.entry_count");
_Static_assert(offsetof(struct vrift_index_header, removed_tags) == 100, "vrift_index_header.removed_tags");
_Static_assert(offsetof(struct vrift_index_header, entry_capacity) == 104, "vrift_index_header.entry_capacity");
_Static_assert(offsetof(struct vrift_index_header, entry_limit) == 108, "vrift_index_header.entry_limit");
_Static_assert(offsetof(struct vrift_index_header, tags_offset) == 112, "vrift_index_header.tags_offset");
_Static_assert(offsetof(struct vrift_index_header, entries_offset) == 120, "vrift_index_header.entries_offset");
_Static_assert(offsetof(struct vrift_index_header, keys_offset) == 128, "vrift_index_header.keys_offset");
_Static_assert(offsetof(struct vrift_index_header, keys_size) == 136, "vrift_index_header.keys_size");
_Static_assert(offsetof(struct vrift_index_header, keys_used) == 144, "vrift_index_header.keys_used");
_Static_assert(offsetof(struct vrift_index_header, seen_offset) == 152, "vrift_index_header.seen_offset");
_Static_assert(offsetof(struct vrift_index_header, root_dev) == 160, "vrift_index_header.root_dev");
_Static_assert(offsetof(struct vrift_index_header, root_ino) == 168, "vrift_index_header.root_ino");
_Static_assert(offsetof(struct vrift_index_header, source_dev) == 176, "vrift_index_header.source_dev");
_Static_assert(offsetof(struct vrift_index_header, uid) == 184, "vrift_index_header.uid");
_Static_assert(offsetof(struct vrift_index_header, gid) == 188, "vrift_index_header.gid");
_Static_assert(offsetof(struct vrift_index_header, root_length) == 192, "vrift_index_header.root_length");
_Static_assert(offsetof(struct vrift_index_header, source_length) == 196, "vrift_index_header.source_length");
_Static_assert(offsetof(struct vrift_index_header, hashes_offset) == 200, "vrift_index_header.hashes_offset");
_Static_assert(offsetof(struct vrift_index_header, workspace_id) == 208, "vrift_index_header.workspace_id");
_Static_assert(offsetof(struct vrift_index_header, boot_id) == 240, "vrift_index_header.boot_id");
_Static_assert(offsetof(struct vrift_index_header, virtual_entries) == 256, "vrift_index_header.virtual_entries");
_Static_assert(offsetof(struct vrift_index_header, virtual_bytes) == 264, "vrift_index_header.virtual_bytes");
_Static_assert(offsetof(struct vrift_index_header, held_hashes) == 272, "vrift_index_header.held_hashes");
_Static_assert(offsetof(struct vrift_index_header, times_offset) == 280, "vrift_index_header.times_offset");
_Static_assert(offsetof(struct vrift_index_header, access_floor_ns) == 288, "vrift_index_header.access_floor_ns");
_Static_assert(offsetof(struct vrift_index_header, access_rule) == 296, "vrift_index_header.access_rule");
_Static_assert(offsetof(struct vrift_index_header, block_size) == 300, "vrift_index_header.block_size");
_Static_assert(offsetof(struct vrift_index_header, basic_mask) == 304, "vrift_index_header.basic_mask");
_Static_assert(offsetof(struct vrift_index_header, birth_mask) == 308, "vrift_index_header.birth_mask");
_Static_assert(offsetof(struct vrift_index_header, attributes_mask) == 312, "vrift_index_header.attributes_mask");
_Static_assert(offsetof(struct vrift_index_header, mount_id) == 320, "vrift_index_header.mount_id");
_Static_assert(offsetof(struct vrift_index_header, mount_namespace) == 328, "vrift_index_header.mount_namespace");
_Static_assert(offsetof(struct vrift_index_header, reserved) == 336, "vrift_index_header.reserved");

/* One name of the tree: a cache line of what is said of it, and one for its key unless that is long. */
struct vrift_index_entry {
  uint32_t seq; /* odd while the entry is being written; 0: never used */
  uint16_t flags; /* ENTRY_* */
  uint16_t key_length; /* bytes of the whole key */
  uint64_t size; /* bytes */
  int64_t mtime_ns; /* nanoseconds since 1970 */
  int64_t ctime_ns; /* virtual: the last manifest change; backed: st_ctim */
  uint64_t ino; /* virtual: VIRTUAL_INODE_BASE + manifest id; backed: st_ino */
  uint16_t mode; /* st_mode, type bits included */
  uint16_t name_length; /* bytes of the last component; the key ends with it */
  uint32_t blocks; /* st_blocks (512-byte units), saturated */
  uint32_t parent; /* entry of the directory; the root's is itself */
  uint32_t first_child; /* 0: none (the root is nobody's child) */
  uint32_t next; /* next sibling, 0: last */
  uint32_t prev; /* previous sibling, 0: first */
  uint8_t inline_key[64]; /* the key, not terminated; a longer one's place in the pool (u32), then zeros */
};
_Static_assert(sizeof(struct vrift_index_entry) == 128, "vrift_index_entry");
_Static_assert(offsetof(struct vrift_index_entry, seq) == 0, "vrift_index_entry.seq");
_Static_assert(offsetof(struct vrift_index_entry, flags) == 4, "vrift_index_entry.flags");
_Static_assert(offsetof(struct vrift_index_entry, key_length) == 6, "vrift_index_entry.key_length");
_Static_assert(offsetof(struct vrift_index_entry, size) == 8, "vrift_index_entry.size");
_Static_assert(offsetof(struct vrift_index_entry, mtime_ns) == 16, "vrift_index_entry.mtime_ns");
_Static_assert(offsetof(struct vrift_index_entry, ctime_ns) == 24, "vrift_index_entry.ctime_ns");
_Static_assert(offsetof(struct vrift_index_entry, ino) == 32, "vrift_index_entry.ino");
_Static_assert(offsetof(struct vrift_index_entry, mode) == 40, "vrift_index_entry.mode");
_Static_assert(offsetof(struct vrift_index_entry, name_length) == 42, "vrift_index_entry.name_length");
_Static_assert(offsetof(struct vrift_index_entry, blocks) == 44, "vrift_index_entry.blocks");
_Static_assert(offsetof(struct vrift_index_entry, parent) == 48, "vrift_index_entry.parent");
_Static_assert(offsetof(struct vrift_index_entry, first_child) == 52, "vrift_index_entry.first_child");
_Static_assert(offsetof(struct vrift_index_entry, next) == 56, "vrift_index_entry.next");
_Static_assert(offsetof(struct vrift_index_entry, prev) == 60, "vrift_index_entry.prev");
_Static_assert(offsetof(struct vrift_index_entry, inline_key) == 64, "vrift_index_entry.inline_key");

/* What stat tells of an EXACT entry beside the entry; guarded by the entry's `seq`. */
struct vrift_index_times {
  int64_t atime_ns; /* nanoseconds since 1970 */
  int64_t btime_ns; /* birth; 0 where the file system has none */
  uint32_t nlink; /* st_nlink */
  uint32_t reserved; /* zero */
};
_Static_assert(sizeof(struct vrift_index_times) == 24, "vrift_index_times");
_Static_assert(offsetof(struct vrift_index_times, atime_ns) == 0, "vrift_index_times.atime_ns");
_Static_assert(offsetof(struct vrift_index_times, btime_ns) == 8, "vrift_index_times.btime_ns");
_Static_assert(offsetof(struct vrift_index_times, nlink) == 16, "vrift_index_times.nlink");
_Static_assert(offsetof(struct vrift_index_times, reserved) == 20, "vrift_index_times.reserved");

/* One entry for indexFill; `key_length` bytes of key and 0 to 7 NULs follow, up to a multiple of 8. */
struct vrift_fill_record {
  uint64_t size;
  int64_t mtime_ns;
  int64_t ctime_ns;
  uint64_t ino;
  uint8_t content_hash[32];
  uint32_t mode;
  uint32_t blocks;
  uint16_t flags;
  uint16_t reserved; /* zero */
  uint32_t key_length;
};
_Static_assert(sizeof(struct vrift_fill_record) == 80, "vrift_fill_record");
_Static_assert(offsetof(struct vrift_fill_record, size) == 0, "vrift_fill_record.size");
_Static_assert(offsetof(struct vrift_fill_record, mtime_ns) == 8, "vrift_fill_record.mtime_ns");
_Static_assert(offsetof(struct vrift_fill_record, ctime_ns) == 16, "vrift_fill_record.ctime_ns");
_Static_assert(offsetof(struct vrift_fill_record, ino) == 24, "vrift_fill_record.ino");
_Static_assert(offsetof(struct vrift_fill_record, content_hash) == 32, "vrift_fill_record.content_hash");
_Static_assert(offsetof(struct vrift_fill_record, mode) == 64, "vrift_fill_record.mode");
_Static_assert(offsetof(struct vrift_fill_record, blocks) == 68, "vrift_fill_record.blocks");
_Static_assert(offsetof(struct vrift_fill_record, flags) == 72, "vrift_fill_record.flags");
_Static_assert(offsetof(struct vrift_fill_record, reserved) == 74, "vrift_fill_record.reserved");
_Static_assert(offsetof(struct vrift_fill_record, key_length) == 76, "vrift_fill_record.key_length");

/* ManifestMmapHeader of the specification, section 7. */
struct vrift_export_header {
  uint32_t magic; /* EXPORT_MAGIC */
  uint32_t version; /* EXPORT_VERSION */
  uint32_t entry_count;
  uint32_t bloom_offset;
  uint32_t table_offset;
  uint32_t table_capacity; /* power of two */
  uint32_t dir_index_offset;
  uint32_t dir_index_capacity; /* power of two */
  uint32_t children_offset;
  uint32_t children_count;
};
_Static_assert(sizeof(struct vrift_export_header) == 40, "vrift_export_header");
_Static_assert(offsetof(struct vrift_export_header, magic) == 0, "vrift_export_header.magic");
_Static_assert(offsetof(struct vrift_export_header, version) == 4, "vrift_export_header.version");
_Static_assert(offsetof(struct vrift_export_header, entry_count) == 8, "vrift_export_header.entry_count");
_Static_assert(offsetof(struct vrift_export_header, bloom_offset) == 12, "vrift_export_header.bloom_offset");
_Static_assert(offsetof(struct vrift_export_header, table_offset) == 16, "vrift_export_header.table_offset");
_Static_assert(offsetof(struct vrift_export_header, table_capacity) == 20, "vrift_export_header.table_capacity");
_Static_assert(offsetof(struct vrift_export_header, dir_index_offset) == 24, "vrift_export_header.dir_index_offset");
_Static_assert(offsetof(struct vrift_export_header, dir_index_capacity) == 28, "vrift_export_header.dir_index_capacity");
_Static_assert(offsetof(struct vrift_export_header, children_offset) == 32, "vrift_export_header.children_offset");
_Static_assert(offsetof(struct vrift_export_header, children_count) == 36, "vrift_export_header.children_count");

/* MmapStatEntry of the specification. */
struct vrift_export_stat_entry {
  uint64_t path_hash; /* FNV-1a 64 of the key; 0 empty, 1 deleted */
  uint64_t size; /* bytes */
  int64_t mtime; /* seconds */
  int64_t mtime_nsec; /* nanoseconds, 0 to 999,999,999 */
  uint32_t mode; /* st_mode & 07777 */
  uint32_t flags; /* 0x01 dir, 0x02 symlink */
};
_Static_assert(sizeof(struct vrift_export_stat_entry) == 40, "vrift_export_stat_entry");
_Static_assert(offsetof(struct vrift_export_stat_entry, path_hash) == 0, "vrift_export_stat_entry.path_hash");
_Static_assert(offsetof(struct vrift_export_stat_entry, size) == 8, "vrift_export_stat_entry.size");
_Static_assert(offsetof(struct vrift_export_stat_entry, mtime) == 16, "vrift_export_stat_entry.mtime");
_Static_assert(offsetof(struct vrift_export_stat_entry, mtime_nsec) == 24, "vrift_export_stat_entry.mtime_nsec");
_Static_assert(offsetof(struct vrift_export_stat_entry, mode) == 32, "vrift_export_stat_entry.mode");
_Static_assert(offsetof(struct vrift_export_stat_entry, flags) == 36, "vrift_export_stat_entry.flags");

/* MmapDirIndexEntry: where the children of one directory are. */
struct vrift_export_dir_index_entry {
  uint64_t parent_hash; /* FNV-1a 64 of the directory's key; 0 empty */
  uint32_t children_start; /* index into the children pool */
  uint32_t children_count;
};
_Static_assert(sizeof(struct vrift_export_dir_index_entry) == 16, "vrift_export_dir_index_entry");
_Static_assert(offsetof(struct vrift_export_dir_index_entry, parent_hash) == 0, "vrift_export_dir_index_entry.parent_hash");
_Static_assert(offsetof(struct vrift_export_dir_index_entry, children_start) == 8, "vrift_export_dir_index_entry.children_start");
_Static_assert(offsetof(struct vrift_export_dir_index_entry, children_count) == 12, "vrift_export_dir_index_entry.children_count");

/* MmapDirChild: one directory entry. */
struct vrift_export_dir_child {
  uint8_t name[128]; /* NUL-terminated */
  uint32_t stat_index; /* slot in the stat table */
  uint8_t is_dir; /* 0 or 1 */
  uint8_t reserved[3]; /* zero */
};
_Static_assert(sizeof(struct vrift_export_dir_child) == 136, "vrift_export_dir_child");
_Static_assert(offsetof(struct vrift_export_dir_child, name) == 0, "vrift_export_dir_child.name");
_Static_assert(offsetof(struct vrift_export_dir_child, stat_index) == 128, "vrift_export_dir_child.stat_index");
_Static_assert(offsetof(struct vrift_export_dir_child, is_dir) == 132, "vrift_export_dir_child.is_dir");
_Static_assert(offsetof(struct vrift_export_dir_child, reserved) == 133, "vrift_export_dir_child.reserved");

/* One name found by scanTree; `key_length` bytes of key and 1 to 8 NULs follow. */
struct vrift_scan_record {
  uint64_t size; /* bytes */
  int64_t mtime_ns;
  int64_t ctime_ns;
  uint64_t ino;
  uint64_t dev;
  uint64_t blocks; /* 512-byte units */
  uint32_t mode; /* st_mode, type bits included */
  uint32_t nlink; /* saturated */
  uint32_t uid;
  uint32_t gid;
  uint32_t key_length; /* bytes */
  uint16_t error; /* errno, or 0 */
  uint8_t xattr; /* 0 or 1 */
  uint8_t valid_utf8; /* 0 or 1 */
  uint64_t reserved; /* zero */
};
_Static_assert(sizeof(struct vrift_scan_record) == 80, "vrift_scan_record");
_Static_assert(offsetof(struct vrift_scan_record, size) == 0, "vrift_scan_record.size");
_Static_assert(offsetof(struct vrift_scan_record, mtime_ns) == 8, "vrift_scan_record.mtime_ns");
_Static_assert(offsetof(struct vrift_scan_record, ctime_ns) == 16, "vrift_scan_record.ctime_ns");
_Static_assert(offsetof(struct vrift_scan_record, ino) == 24, "vrift_scan_record.ino");
_Static_assert(offsetof(struct vrift_scan_record, dev) == 32, "vrift_scan_record.dev");
_Static_assert(offsetof(struct vrift_scan_record, blocks) == 40, "vrift_scan_record.blocks");
_Static_assert(offsetof(struct vrift_scan_record, mode) == 48, "vrift_scan_record.mode");
_Static_assert(offsetof(struct vrift_scan_record, nlink) == 52, "vrift_scan_record.nlink");
_Static_assert(offsetof(struct vrift_scan_record, uid) == 56, "vrift_scan_record.uid");
_Static_assert(offsetof(struct vrift_scan_record, gid) == 60, "vrift_scan_record.gid");
_Static_assert(offsetof(struct vrift_scan_record, key_length) == 64, "vrift_scan_record.key_length");
_Static_assert(offsetof(struct vrift_scan_record, error) == 68, "vrift_scan_record.error");
_Static_assert(offsetof(struct vrift_scan_record, xattr) == 70, "vrift_scan_record.xattr");
_Static_assert(offsetof(struct vrift_scan_record, valid_utf8) == 71, "vrift_scan_record.valid_utf8");
_Static_assert(offsetof(struct vrift_scan_record, reserved) == 72, "vrift_scan_record.reserved");

#endif

/*
 * Writer of the index file: one per file, one thread. Functions return 0 or an errno. The order of stores that lets
 * readers go without locks is in docs/index-format.md and, in code, in index_writer.c.
 */
#ifndef VRIFT_INDEX_WRITER_H
#define VRIFT_INDEX_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "index_reader.h"

struct vrift_index_options {
  uint32_t kind;
  uint32_t entry_capacity; /* entries there is to be room for; the root directory is one */
  uint64_t keys_size;
  uint64_t root_dev, root_ino, source_dev;
  uint32_t uid, gid;
  const char *root_path;   /* absolute, under VRIFT_INDEX_PATH_MAX bytes */
  const char *source_path; /* the same */
  char workspace_id[32];
};

/* What an entry says beside its name. */
struct vrift_index_value {
  uint64_t size;
  int64_t mtime_ns, ctime_ns;
  uint64_t ino;
  uint8_t content_hash[32];
  uint32_t mode, blocks;
  uint16_t flags;
};

struct vrift_index_writer {
  struct vrift_index_view view;
  struct vrift_index_header *header;
  uint64_t *seen;
  uint16_t *tags;
  struct vrift_index_entry *entries;
  uint8_t *hashes, *keys;
  struct vrift_index_times *times;
  uint64_t size;
  pid_t owner; /* thread that holds `alive`; 0 when given up */
};

/*
 * Makes the file (O_EXCL, 0600, every block allocated), with the root directory as its only entry and `distrust` 1, and
 * claims `alive` for the calling thread. EFBIG: over the limits of the format. ENOTSUP: a libc whose robust mutexes look
 * otherwise. A file that could not be completed is removed.
 */
int vrift_writer_create(const char *path, const struct vrift_index_options *options, struct vrift_index_writer *writer);

/*
 * A new file with the same entries (under other numbers), marks seen, distrust and transaction. Room for `more_keys` bytes of
 * keys beside those in use; the place of removed keys is won back. EINVAL: less room than there are entries.
 */
int vrift_writer_grow(const struct vrift_index_writer *from, const char *path, uint32_t entry_capacity,
                      uint64_t more_keys, struct vrift_index_writer *writer);

/*
 * Takes over the file of a writer that is gone, when it is the one `options` would make (its sizes apart), was left whole, and
 * reflects `transaction`; `distrust` is 1 then and `alive` claimed. ENOENT; ESTALE: another tree's, or another transaction's;
 * EINVAL: damaged, or its writer ended in a change; EBUSY: its writer lives; EACCES. Reads the header alone, however many entries
 * there are: vrift_writer_survey has to have seen them before the first change, because a change follows their links.
 */
int vrift_writer_reopen(const char *path, const struct vrift_index_options *options, uint64_t transaction,
                        struct vrift_index_writer *writer);

/*
 * Looks at the entries from number `from` to before `to`: EINVAL when one is none that a writer may follow. `numbers` (room for
 * to - from) gets those of the entries with KERNEL and of directories without COMPLETE; with `all` of everything not VIRTUAL.
 * `naming`: how many name content that has bytes.
 */
int vrift_writer_survey(const struct vrift_index_writer *writer, uint32_t from, uint32_t to, bool all, uint32_t *numbers,
                        uint32_t *count, uint32_t *naming);

/* EEXIST; ENOENT, ENOTDIR about the parent; EINVAL for a malformed key; ENAMETOOLONG; ENOSPC when a table is full. */
int vrift_writer_insert(struct vrift_index_writer *writer, const uint8_t *key, uint64_t length,
                        const struct vrift_index_value *value, uint32_t *entry);
/* ENOENT: unused number. ENOTEMPTY: a directory with entries becomes something else. */
int vrift_writer_update(struct vrift_index_writer *writer, uint32_t entry, const struct vrift_index_value *value);
/*
 * What a look at the name itself has found (index_settle.c): EXACT, YOUNG or neither, and with EXACT the blocks and times that belong to
 * it. ENOENT. Nothing is stored when the entry says so already.
 */
int vrift_writer_settle(struct vrift_index_writer *writer, uint32_t entry, uint16_t flag, uint32_t blocks,
                        const struct vrift_index_times *times);
/* ENOENT, ENOTEMPTY; EBUSY for the root. */
int vrift_writer_remove(struct vrift_index_writer *writer, uint32_t entry);

/* What a move takes: entries, and bytes of the pool for their new keys; what the old names had is left behind. */
struct vrift_move_room {
  uint32_t entries;
  uint64_t key_bytes;
  bool fits;
};
/* `length` of the new key. ENOENT: unused number; EBUSY for the root; ENAMETOOLONG: a path below would be. */
int vrift_writer_move_room(const struct vrift_index_writer *writer, uint32_t entry, uint64_t length,
                           struct vrift_move_room *room);
/*
 * Gives an entry, and all below it, another key (and other numbers), in place of one that has nothing below it. With `disk_from` (else null)
 * rename(2) of that path to `disk_to` belongs to the same moment, and its error is the answer. All of it or nothing: as
 * above, ENOENT and ENOTDIR about the new directory, EINVAL for a malformed key and for a move into itself, ENOTEMPTY,
 * ENOSPC when it does not fit, ENOMEM.
 */
int vrift_writer_move(struct vrift_index_writer *writer, uint32_t entry, const uint8_t *key, uint64_t length,
                      const char *disk_from, const char *disk_to);

/* What is true of every EXACT entry and of the mount: those fields of `facts`. Programs read them after an entry said EXACT. */
void vrift_writer_set_facts(struct vrift_index_writer *writer, const struct vrift_index_header *facts);
/* `marks`: MARK_COUNT words; those with something in flight are left alone. */
void vrift_writer_publish_seen(struct vrift_index_writer *writer, const uint64_t *marks);
void vrift_writer_beat(struct vrift_index_writer *writer);

/* Gives up `alive`; from the thread that claimed it. Readers in other processes keep their mappings. */
void vrift_writer_release(struct vrift_index_writer *writer);
/* Unmaps. Only after vrift_writer_release. */
void vrift_writer_unmap(struct vrift_index_writer *writer);

#endif

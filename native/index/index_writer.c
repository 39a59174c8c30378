/*
 * Entries: insert, change, remove.
 *
 * Readers run at any moment between any two stores of this file, so:
 *  - `seq` of an entry is odd from before its first store to after its last (write_begin, write_end);
 *  - `structure_seq` is odd around everything that adds or removes a name or relinks siblings;
 *  - a tag is stored last when a name appears (release: who sees it sees the entry) and first thing inside the odd
 *    `structure_seq` when it goes;
 *  - key bytes are never overwritten: a freed key's place is used again only by a new file (vrift_writer_copy).
 * A kill at any point leaves odd sequences: readers then say "unsure", and `alive` has told them already.
 * Stores are relaxed atomics so that a reader's racing load is a whole word; the fences give the order.
 */
#include "index_writer.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "index_writer_internal.h"

/*
 * An entry as it is comes, or goes, into the sums of the header. Only while `seq` or `structure_seq` says that there is a change:
 * who is killed between the two leaves no file that another writer takes over.
 */
static void count(struct vrift_index_writer *writer, const struct vrift_index_entry *entry, uint64_t by) {
  if ((entry->flags & VRIFT_ENTRY_VIRTUAL) == 0) return;
  STORE(writer->header->virtual_entries, writer->header->virtual_entries + by);
  STORE(writer->header->virtual_bytes, writer->header->virtual_bytes + by * entry->size);
}

/* Everything an update may change; inside write_begin and write_end. */
static void store_value(struct vrift_index_writer *writer, struct vrift_index_entry *entry,
                        const struct vrift_index_value *value) {
  vrift_word *hash = (vrift_word *)(void *)(writer->hashes + 32ull * (uint64_t)(entry - writer->entries));
  STORE(entry->flags, value->flags);
  STORE(entry->size, value->size);
  STORE(entry->mtime_ns, value->mtime_ns);
  STORE(entry->ctime_ns, value->ctime_ns);
  STORE(entry->ino, value->ino);
  for (unsigned i = 0; i < sizeof value->content_hash; i += 8)
    STORE(hash[i / 8], vrift_load8(value->content_hash + i));
  STORE(entry->mode, (uint16_t)value->mode);
  STORE(entry->blocks, value->blocks);
}

/* Some places stay empty, so that every probe meets one soon. */
static bool has_room(const struct vrift_index_writer *writer, uint64_t length) {
  const struct vrift_index_header *header = writer->header;
  uint64_t taken = (uint64_t)header->entry_count + header->removed_tags;
  return taken < header->entry_limit && vrift_pool_size(length) <= header->keys_size - header->keys_used;
}

int vrift_writer_insert(struct vrift_index_writer *writer, const uint8_t *key, uint64_t length,
                        const struct vrift_index_value *value, uint32_t *out) {
  uint64_t hash = vrift_path_hash(key, length), start = vrift_key_name(key, length);
  uint32_t parent = 0;
  int error = vrift_key_check(key, length);
  if (!error && (value->flags & VRIFT_ENTRY_FREE)) error = EINVAL;
  if (!error && vrift_index_find(&writer->view, key, length, hash) != VRIFT_NO_ENTRY) error = EEXIST;
  if (!error) error = vrift_parent_find(writer, key, start, &parent);
  if (!error && !has_room(writer, length)) error = ENOSPC;
  if (error) return error;

  structure_begin(writer);
  uint32_t number = vrift_place_find(writer, hash);
  struct vrift_index_entry *entry = &writer->entries[number];
  write_begin(entry);
  vrift_key_store(writer, entry, key, length);
  STORE(entry->name_length, (uint16_t)(length - start));
  STORE(entry->parent, parent);
  STORE(entry->first_child, 0);
  store_value(writer, entry, value);
  count(writer, entry, 1);
  vrift_child_link(writer, parent, number);
  write_end(entry);
  STORE(writer->header->entry_count, writer->header->entry_count + 1);
  vrift_place_take(writer, number, vrift_tag(hash));
  structure_end(writer);
  *out = number;
  return 0;
}

/* Before `seq` becomes odd: whoever sees that finds this, whole. */
static void keep_undo(struct vrift_index_writer *writer, uint32_t number) {
  struct vrift_undo *undo = (void *)((uint8_t *)writer->header + VRIFT_INDEX_UNDO_OFFSET);
  const vrift_word *words = (const vrift_word *)(const void *)&writer->entries[number];
  const vrift_word *hash = (const vrift_word *)(const void *)(writer->hashes + 32ull * number);
  STORE(undo->of, 0);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  for (unsigned i = 0; i < VRIFT_ENTRY_WORDS; i++) STORE(undo->entry[i], words[i]);
  for (unsigned i = 0; i < 4; i++) STORE(undo->content_hash[i], hash[i]);
  __atomic_store_n(&undo->of, vrift_undo_of(number, writer->entries[number].seq), __ATOMIC_RELEASE);
}

int vrift_writer_update(struct vrift_index_writer *writer, uint32_t number, const struct vrift_index_value *value) {
  if (!vrift_in_use(writer, number)) return ENOENT;
  struct vrift_index_entry *entry = &writer->entries[number];
  if (value->flags & VRIFT_ENTRY_FREE) return EINVAL;
  if (!(value->flags & VRIFT_ENTRY_DIR) && (entry->first_child != 0 || number == 0)) return ENOTEMPTY;
  keep_undo(writer, number);
  write_begin(entry);
  count(writer, entry, UINT64_MAX);
  store_value(writer, entry, value);
  count(writer, entry, 1);
  write_end(entry);
  return 0;
}

#define SETTLED_FLAGS (VRIFT_ENTRY_EXACT | VRIFT_ENTRY_YOUNG)

int vrift_writer_settle(struct vrift_index_writer *writer, uint32_t number, uint16_t flag, uint32_t blocks,
                        const struct vrift_index_times *times) {
  if (!vrift_in_use(writer, number)) return ENOENT;
  struct vrift_index_entry *entry = &writer->entries[number];
  struct vrift_index_times *own = &writer->times[number];
  bool exact = (flag & VRIFT_ENTRY_EXACT) != 0;
  bool same = (entry->flags & SETTLED_FLAGS) == flag;
  if (same && (!exact || (entry->blocks == blocks && memcmp(own, times, sizeof *own) == 0))) return 0;
  keep_undo(writer, number);
  write_begin(entry);
  STORE(entry->flags, (uint16_t)((entry->flags & ~SETTLED_FLAGS) | flag));
  if (exact) {
    STORE(entry->blocks, blocks);
    STORE(own->atime_ns, times->atime_ns);
    STORE(own->btime_ns, times->btime_ns);
    STORE(own->nlink, times->nlink);
  }
  write_end(entry);
  return 0;
}

/* Inside structure_begin and structure_end: an entry without children goes. */
void vrift_entry_drop(struct vrift_index_writer *writer, uint32_t number) {
  struct vrift_index_entry *entry = &writer->entries[number];
  write_begin(entry);
  vrift_place_leave(writer, number);
  vrift_child_unlink(writer, entry);
  count(writer, entry, UINT64_MAX);
  STORE(entry->flags, VRIFT_ENTRY_FREE);
  STORE(entry->next, 0);
  STORE(entry->prev, 0);
  STORE(writer->header->entry_count, writer->header->entry_count - 1);
  write_end(entry);
}

int vrift_writer_remove(struct vrift_index_writer *writer, uint32_t number) {
  if (!vrift_in_use(writer, number)) return ENOENT;
  if (number == 0) return EBUSY;
  if (writer->entries[number].first_child != 0) return ENOTEMPTY;
  structure_begin(writer);
  vrift_entry_drop(writer, number);
  structure_end(writer);
  return 0;
}

void vrift_writer_publish_seen(struct vrift_index_writer *writer, const uint64_t *marks) {
  /* The summary is the last of the words that mean something: it speaks for all before it. */
  for (uint32_t word = 0; word <= VRIFT_MARK_SUMMARY; word++)
    if ((marks[word] & VRIFT_MARK_IN_FLIGHT) == 0) __atomic_store_n(&writer->seen[word], marks[word], __ATOMIC_RELEASE);
  const uint32_t uninjected = VRIFT_MARK_UNINJECTED;
  if ((marks[uninjected] & VRIFT_MARK_IN_FLIGHT) == 0)
    __atomic_store_n(&writer->seen[uninjected], marks[uninjected], __ATOMIC_RELEASE);
}

void vrift_writer_beat(struct vrift_index_writer *writer) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  __atomic_store_n(&writer->header->heartbeat_ns, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
                   __ATOMIC_RELEASE);
}

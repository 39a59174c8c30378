/*
 * Entries: insert, change, remove.
 *
 * Readers run at any moment between any two stores of this file, so:
 *  - `seq` of an entry is odd from before its first store to after its last (write_begin, write_end);
 *  - `structure_seq` is odd around everything that adds or removes a name or relinks siblings;
 *  - a slot is stored last when a name appears (release: who sees it sees the entry) and first thing inside the odd
 *    `structure_seq` when it goes;
 *  - key bytes are never overwritten: a freed key's place is used again only by a new file (vrift_writer_copy).
 * A kill at any point leaves odd sequences: readers then say "unsure", and `alive` has told them already.
 * Stores are relaxed atomics so that a reader's racing load is a whole word; the fences give the order.
 */
#include "index_writer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "index_writer_internal.h"

#define STORE(target, value) __atomic_store_n(&(target), (value), __ATOMIC_RELAXED)

static void structure_begin(struct vrift_index_writer *writer) {
  STORE(writer->header->structure_seq, writer->header->structure_seq + 1);
  __atomic_thread_fence(__ATOMIC_RELEASE);
}

static void structure_end(struct vrift_index_writer *writer) {
  __atomic_store_n(&writer->header->structure_seq, writer->header->structure_seq + 1, __ATOMIC_RELEASE);
}

static void write_begin(struct vrift_entry *entry) {
  STORE(entry->seq, entry->seq + 1);
  __atomic_thread_fence(__ATOMIC_RELEASE);
}

static void write_end(struct vrift_entry *entry) { __atomic_store_n(&entry->seq, entry->seq + 1, __ATOMIC_RELEASE); }

/* Everything an update may change; inside write_begin and write_end. */
static void store_value(struct vrift_entry *entry, const struct vrift_index_value *value) {
  STORE(entry->flags, value->flags);
  STORE(entry->size, value->size);
  STORE(entry->mtime_ns, value->mtime_ns);
  STORE(entry->ctime_ns, value->ctime_ns);
  STORE(entry->ino, value->ino);
  for (unsigned i = 0; i < sizeof value->content_hash; i += 8)
    STORE(((vrift_word *)(void *)entry->content_hash)[i / 8], vrift_load8(value->content_hash + i));
  STORE(entry->mode, value->mode);
  STORE(entry->blocks, value->blocks);
}

static void place(struct vrift_index_writer *writer, uint64_t hash, uint32_t entry) {
  uint32_t mask = writer->view.slot_mask, slot = (uint32_t)hash & mask;
  while (writer->slots[slot] != VRIFT_SLOT_EMPTY && writer->slots[slot] != VRIFT_SLOT_TOMBSTONE) slot = (slot + 1) & mask;
  if (writer->slots[slot] == VRIFT_SLOT_TOMBSTONE) STORE(writer->header->slot_tombstones, writer->header->slot_tombstones - 1);
  __atomic_store_n(&writer->slots[slot], (hash >> 32) << 32 | (entry + 1), __ATOMIC_RELEASE);
}

/*
 * A tombstone keeps the probes behind it going. Before an empty slot there is nothing behind it, so it and the
 * tombstones in front of it can be empty too; for a probe on its way both read the same.
 */
static void displace(struct vrift_index_writer *writer, uint64_t hash, uint32_t entry) {
  uint32_t mask = writer->view.slot_mask, slot = (uint32_t)hash & mask;
  while ((uint32_t)writer->slots[slot] != entry + 1) slot = (slot + 1) & mask;
  STORE(writer->slots[slot], VRIFT_SLOT_TOMBSTONE);
  STORE(writer->header->slot_tombstones, writer->header->slot_tombstones + 1);
  if (writer->slots[(slot + 1) & mask] != VRIFT_SLOT_EMPTY) return;
  for (; writer->slots[slot] == VRIFT_SLOT_TOMBSTONE; slot = (slot - 1) & mask) {
    STORE(writer->slots[slot], VRIFT_SLOT_EMPTY);
    STORE(writer->header->slot_tombstones, writer->header->slot_tombstones - 1);
  }
}

/* One component after another, none empty, none longer than the kernel takes; "" is the root, which is there. */
static int check_key(const uint8_t *key, uint64_t length) {
  if (length == 0) return EEXIST;
  if (length > UINT16_MAX) return ENAMETOOLONG;
  uint64_t start = 0;
  for (uint64_t i = 0; i <= length; i++) {
    if (i < length && key[i] == 0) return EINVAL;
    if (i < length && key[i] != '/') continue;
    if (i == start) return EINVAL;
    if (i - start > 255) return ENAMETOOLONG;
    start = i + 1;
  }
  return 0;
}

static uint64_t name_start(const uint8_t *key, uint64_t length) {
  while (length > 0 && key[length - 1] != '/') length--;
  return length;
}

static int find_parent(const struct vrift_index_writer *writer, const uint8_t *key, uint64_t start, uint32_t *parent) {
  uint64_t length = start ? start - 1 : 0;
  *parent = vrift_index_find(&writer->view, key, length, vrift_path_hash(key, length));
  if (*parent == VRIFT_NO_ENTRY) return ENOENT;
  return writer->entries[*parent].flags & VRIFT_ENTRY_DIR ? 0 : ENOTDIR;
}

/* Bytes of the pool that a key takes. */
static uint64_t pool_size(uint64_t length) { return length > VRIFT_INLINE_KEY_SIZE ? length : 0; }

/* Three quarters of the slots, tombstones counted, so that every probe meets an empty one soon. */
static bool has_room(const struct vrift_index_writer *writer, uint64_t length) {
  const struct vrift_index_header *header = writer->header;
  uint64_t taken = (uint64_t)header->entry_count + header->slot_tombstones;
  if (header->free_head == 0 && header->entry_used >= header->entry_capacity) return false;
  return pool_size(length) <= header->keys_size - header->keys_used && (taken + 1) * 4 <= (uint64_t)header->slot_capacity * 3;
}

static uint32_t take_entry(struct vrift_index_writer *writer) {
  struct vrift_index_header *header = writer->header;
  uint32_t entry = header->free_head;
  if (entry != 0)
    STORE(header->free_head, writer->entries[entry].next);
  else
    entry = header->entry_used;
  return entry;
}

/* In front of its siblings. */
static void link_child(struct vrift_index_writer *writer, uint32_t parent, uint32_t entry) {
  uint32_t first = writer->entries[parent].first_child;
  STORE(writer->entries[entry].next, first);
  STORE(writer->entries[entry].prev, 0);
  if (first != 0) STORE(writer->entries[first].prev, entry);
  STORE(writer->entries[parent].first_child, entry);
}

static void unlink_child(struct vrift_index_writer *writer, const struct vrift_entry *entry) {
  if (entry->prev != 0)
    STORE(writer->entries[entry->prev].next, entry->next);
  else
    STORE(writer->entries[entry->parent].first_child, entry->next);
  if (entry->next != 0) STORE(writer->entries[entry->next].prev, entry->prev);
}

static uint32_t store_in_pool(struct vrift_index_writer *writer, const uint8_t *key, uint64_t length) {
  uint64_t at = writer->header->keys_used;
  memcpy(writer->keys + at, key, length);
  STORE(writer->header->keys_used, at + length);
  return (uint32_t)at;
}

/* Readers copy entries word by word, so words are what is stored. */
static void store_key(struct vrift_index_writer *writer, struct vrift_entry *entry, const uint8_t *key, uint64_t length) {
  uint64_t words[VRIFT_INLINE_KEY_SIZE / 8] = {0};
  uint64_t pooled = pool_size(length);
  STORE(entry->key_offset, pooled ? store_in_pool(writer, key, length) : 0);
  STORE(entry->key_length, (uint16_t)length);
  if (pooled) return;
  memcpy(words, key, length);
  for (unsigned i = 0; i < VRIFT_INLINE_KEY_SIZE / 8; i++)
    STORE(((vrift_word *)(void *)entry->inline_key)[i], words[i]);
}

static const uint8_t *key_of(const struct vrift_index_writer *writer, const struct vrift_entry *entry) {
  return pool_size(entry->key_length) ? writer->keys + entry->key_offset : entry->inline_key;
}

int vrift_writer_insert(struct vrift_index_writer *writer, const uint8_t *key, uint64_t length,
                        const struct vrift_index_value *value, uint32_t *out) {
  uint64_t hash = vrift_path_hash(key, length), start = name_start(key, length);
  uint32_t parent;
  int error = check_key(key, length);
  if (!error && (value->flags & VRIFT_ENTRY_FREE)) error = EINVAL;
  if (!error && vrift_index_find(&writer->view, key, length, hash) != VRIFT_NO_ENTRY) error = EEXIST;
  if (!error) error = find_parent(writer, key, start, &parent);
  if (!error && !has_room(writer, length)) error = ENOSPC;
  if (error) return error;

  structure_begin(writer);
  uint32_t number = take_entry(writer);
  struct vrift_entry *entry = &writer->entries[number];
  write_begin(entry);
  store_key(writer, entry, key, length);
  STORE(entry->name_length, (uint16_t)(length - start));
  STORE(entry->parent, parent);
  STORE(entry->first_child, 0);
  store_value(entry, value);
  link_child(writer, parent, number);
  write_end(entry);
  STORE(writer->header->entry_count, writer->header->entry_count + 1);
  if (number == writer->header->entry_used) STORE(writer->header->entry_used, number + 1);
  place(writer, hash, number);
  structure_end(writer);
  *out = number;
  return 0;
}

static bool in_use(const struct vrift_index_writer *writer, uint32_t entry) {
  return entry < writer->header->entry_used && !(writer->entries[entry].flags & VRIFT_ENTRY_FREE);
}

int vrift_writer_update(struct vrift_index_writer *writer, uint32_t number, const struct vrift_index_value *value) {
  if (!in_use(writer, number)) return ENOENT;
  struct vrift_entry *entry = &writer->entries[number];
  if (value->flags & VRIFT_ENTRY_FREE) return EINVAL;
  if (!(value->flags & VRIFT_ENTRY_DIR) && (entry->first_child != 0 || number == 0)) return ENOTEMPTY;
  write_begin(entry);
  store_value(entry, value);
  write_end(entry);
  return 0;
}

/* Inside structure_begin and structure_end: an entry without children goes. */
static void drop(struct vrift_index_writer *writer, uint32_t number) {
  struct vrift_entry *entry = &writer->entries[number];
  uint64_t hash = vrift_path_hash(key_of(writer, entry), entry->key_length);
  write_begin(entry);
  displace(writer, hash, number);
  unlink_child(writer, entry);
  STORE(entry->flags, VRIFT_ENTRY_FREE);
  STORE(entry->prev, 0);
  STORE(entry->next, writer->header->free_head);
  STORE(writer->header->free_head, number);
  STORE(writer->header->entry_count, writer->header->entry_count - 1);
  write_end(entry);
}

int vrift_writer_remove(struct vrift_index_writer *writer, uint32_t number) {
  if (!in_use(writer, number)) return ENOENT;
  if (number == 0) return EBUSY;
  if (writer->entries[number].first_child != 0) return ENOTEMPTY;
  structure_begin(writer);
  drop(writer, number);
  structure_end(writer);
  return 0;
}

/*
 * A directory (or any name) gets another key, and with it everything below: numbers, values and lists of children stay. The
 * subtree is walked twice, first to see that all of it fits, so that the change cannot stop halfway.
 *
 * What is on disk is renamed inside the odd `structure_seq`: a program that finds no virtual file under a name would make a
 * new one there. It must not find none while the directory has one name and the entries have the other.
 */

/* Preorder, without a stack: down, then across, then up until there is a sibling. 0: that was the last one. */
static uint32_t next_below(const struct vrift_index_writer *writer, uint32_t top, uint32_t at) {
  if (writer->entries[at].first_child != 0) return writer->entries[at].first_child;
  while (at != top && writer->entries[at].next == 0) at = writer->entries[at].parent;
  return at == top ? 0 : writer->entries[at].next;
}

int vrift_writer_move_room(const struct vrift_index_writer *writer, uint32_t number, uint64_t length,
                           struct vrift_move_room *room) {
  if (!in_use(writer, number)) return ENOENT;
  if (number == 0) return EBUSY;
  const struct vrift_index_header *header = writer->header;
  uint64_t before = writer->entries[number].key_length;
  *room = (struct vrift_move_room){0};
  for (uint32_t at = number; at != 0; at = next_below(writer, number, at)) {
    uint64_t after = writer->entries[at].key_length - before + length;
    if (header->root_length + 1 + after >= VRIFT_INDEX_PATH_MAX) return ENAMETOOLONG;
    room->entries++;
    room->key_bytes += pool_size(after);
  }
  /* Each may leave a tombstone behind. */
  uint64_t taken = (uint64_t)header->entry_count + header->slot_tombstones + room->entries;
  room->fits = room->key_bytes <= header->keys_size - header->keys_used && taken * 4 <= (uint64_t)header->slot_capacity * 3;
  return 0;
}

/* A lookup in between finds neither key, and `structure_seq` makes that "unsure". */
static void rename_entry(struct vrift_index_writer *writer, uint32_t number, uint64_t before, const uint8_t *to,
                         uint64_t length) {
  uint8_t key[UINT16_MAX];
  struct vrift_entry *entry = &writer->entries[number];
  const uint8_t *old = key_of(writer, entry);
  uint64_t rest = entry->key_length - before;
  memcpy(key, to, length);
  memcpy(key + length, old + before, rest);
  displace(writer, vrift_path_hash(old, entry->key_length), number);
  write_begin(entry);
  store_key(writer, entry, key, length + rest);
  write_end(entry);
  place(writer, vrift_path_hash(key, length + rest), number);
}

int vrift_writer_move(struct vrift_index_writer *writer, uint32_t number, const uint8_t *to, uint64_t length,
                      const char *disk_from, const char *disk_to) {
  struct vrift_move_room room;
  uint32_t parent, replaced;
  uint64_t start = name_start(to, length);
  int error = check_key(to, length);
  if (!error) error = vrift_writer_move_room(writer, number, length, &room);
  if (!error) error = find_parent(writer, to, start, &parent);
  for (uint32_t up = parent; !error && up != 0; up = writer->entries[up].parent)
    if (up == number) error = EINVAL;
  if (error) return error;
  replaced = vrift_index_find(&writer->view, to, length, vrift_path_hash(to, length));
  if (replaced == number) return EEXIST;
  if (replaced != VRIFT_NO_ENTRY && writer->entries[replaced].first_child != 0) return ENOTEMPTY;
  if (!room.fits) return ENOSPC;

  struct vrift_entry *top = &writer->entries[number];
  uint64_t before = top->key_length;
  structure_begin(writer);
  if (disk_from && rename(disk_from, disk_to) != 0) error = errno;
  if (!error) {
    if (replaced != VRIFT_NO_ENTRY) drop(writer, replaced);
    for (uint32_t at = number; at != 0; at = next_below(writer, number, at)) rename_entry(writer, at, before, to, length);
    write_begin(top);
    unlink_child(writer, top);
    STORE(top->name_length, (uint16_t)(length - start));
    STORE(top->parent, parent);
    link_child(writer, parent, number);
    write_end(top);
  }
  structure_end(writer);
  return error;
}

void vrift_writer_publish_seen(struct vrift_index_writer *writer, const uint64_t *marks) {
  /* The summary is the last of the words that mean something: it speaks for all before it. */
  for (uint32_t word = 0; word <= VRIFT_MARK_SUMMARY; word++)
    if ((marks[word] & VRIFT_MARK_IN_FLIGHT) == 0) __atomic_store_n(&writer->seen[word], marks[word], __ATOMIC_RELEASE);
}

void vrift_writer_beat(struct vrift_index_writer *writer) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  __atomic_store_n(&writer->header->heartbeat_ns, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
                   __ATOMIC_RELEASE);
}

/* Below: files nobody reads yet (no `magic`), so plain stores. */

static void place_new(struct vrift_index_writer *writer, const struct vrift_entry *entry, uint32_t number) {
  uint64_t hash = vrift_path_hash(key_of(writer, entry), entry->key_length);
  uint32_t mask = writer->header->slot_capacity - 1, slot = (uint32_t)hash & mask;
  while (writer->slots[slot] != VRIFT_SLOT_EMPTY) slot = (slot + 1) & mask;
  writer->slots[slot] = (hash >> 32) << 32 | (number + 1);
}

void vrift_writer_add_root(struct vrift_index_writer *writer) {
  struct vrift_entry *root = &writer->entries[0];
  root->flags = VRIFT_ENTRY_DIR | VRIFT_ENTRY_BACKED;
  root->mode = S_IFDIR | 0755;
  root->ino = writer->header->root_ino;
  writer->header->entry_count = 1;
  writer->header->entry_used = 1;
  place_new(writer, root, 0);
}

int vrift_writer_copy(struct vrift_index_writer *writer, const struct vrift_index_writer *from) {
  struct vrift_index_header *header = writer->header;
  const struct vrift_index_header *old = from->header;
  for (uint32_t number = 0; number < old->entry_used; number++) {
    struct vrift_entry *entry = &writer->entries[number];
    *entry = from->entries[number];
    if (entry->flags & VRIFT_ENTRY_FREE) continue;
    uint64_t pooled = pool_size(entry->key_length);
    if (pooled > header->keys_size - header->keys_used) return ENOSPC;
    if (pooled) entry->key_offset = store_in_pool(writer, from->keys + entry->key_offset, pooled);
    place_new(writer, entry, number);
  }
  memcpy(writer->seen, from->seen, 8ull * VRIFT_MARK_COUNT);
  header->entry_count = old->entry_count;
  header->entry_used = old->entry_used;
  header->free_head = old->free_head;
  header->transaction = old->transaction;
  header->distrust = __atomic_load_n(&old->distrust, __ATOMIC_ACQUIRE);
  return 0;
}

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
#include <stdio.h>
#include <stdlib.h>
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

static void write_begin(struct vrift_index_entry *entry) {
  STORE(entry->seq, entry->seq + 1);
  __atomic_thread_fence(__ATOMIC_RELEASE);
}

static void write_end(struct vrift_index_entry *entry) { __atomic_store_n(&entry->seq, entry->seq + 1, __ATOMIC_RELEASE); }

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

/* Of the group's places, the first that nobody has, entry 0's never; NO_ENTRY when there is none. `taken` counts the others. */
static uint32_t free_place(const struct vrift_index_writer *writer, uint32_t group, uint32_t *taken) {
  uint32_t first = group * VRIFT_GROUP_ENTRIES, found = VRIFT_NO_ENTRY;
  *taken = 0;
  for (uint32_t number = first; number < first + VRIFT_GROUP_ENTRIES; number++) {
    if (number == 0 || writer->tags[number] >= VRIFT_TAG_FIRST)
      ++*taken;
    else if (found == VRIFT_NO_ENTRY)
      found = number;
  }
  return found;
}

/* Where a new name goes: into the emptier of its two groups, or, when both are full, on from the first. */
static uint32_t find_place(const struct vrift_index_writer *writer, uint64_t hash) {
  uint32_t groups = writer->view.group_count, taken, other_taken;
  uint32_t place = free_place(writer, vrift_tag_next_group(hash, groups, 0), &taken);
  uint32_t other = free_place(writer, vrift_tag_next_group(hash, groups, 1), &other_taken);
  if (other_taken < taken) place = other;
  for (uint32_t probe = 2; place == VRIFT_NO_ENTRY; probe++)
    place = free_place(writer, vrift_tag_next_group(hash, groups, probe), &taken);
  return place;
}

static void set_tag(struct vrift_index_writer *writer, uint32_t number, uint16_t tag) {
  if (writer->tags[number] == VRIFT_TAG_REMOVED) STORE(writer->header->removed_tags, writer->header->removed_tags - 1);
  __atomic_store_n(&writer->tags[number], tag, __ATOMIC_RELEASE);
}

/*
 * A name lies beyond its two groups only when both were full, and a group that was full keeps its removed tags. So in a
 * group that has an empty place no search has to go on.
 */
static void clear_tag(struct vrift_index_writer *writer, uint32_t number) {
  uint32_t first = number - number % VRIFT_GROUP_ENTRIES;
  uint32_t empty = vrift_tag_match(writer->tags + first, VRIFT_TAG_REMOVED).empty;
  STORE(writer->tags[number], empty != 0 ? VRIFT_TAG_EMPTY : VRIFT_TAG_REMOVED);
  if (empty == 0) STORE(writer->header->removed_tags, writer->header->removed_tags + 1);
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

/* Some places stay empty, so that every probe meets one soon. */
static bool has_room(const struct vrift_index_writer *writer, uint64_t length) {
  const struct vrift_index_header *header = writer->header;
  uint64_t taken = (uint64_t)header->entry_count + header->removed_tags;
  return taken < header->entry_limit && pool_size(length) <= header->keys_size - header->keys_used;
}

/* In front of its siblings. */
static void link_child(struct vrift_index_writer *writer, uint32_t parent, uint32_t entry) {
  uint32_t first = writer->entries[parent].first_child;
  STORE(writer->entries[entry].next, first);
  STORE(writer->entries[entry].prev, 0);
  if (first != 0) STORE(writer->entries[first].prev, entry);
  STORE(writer->entries[parent].first_child, entry);
}

static void unlink_child(struct vrift_index_writer *writer, const struct vrift_index_entry *entry) {
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
static void store_key(struct vrift_index_writer *writer, struct vrift_index_entry *entry, const uint8_t *key,
                      uint64_t length) {
  uint64_t words[VRIFT_INLINE_KEY_SIZE / 8] = {0};
  if (pool_size(length))
    words[0] = store_in_pool(writer, key, length);
  else
    memcpy(words, key, length);
  STORE(entry->key_length, (uint16_t)length);
  for (unsigned i = 0; i < VRIFT_INLINE_KEY_SIZE / 8; i++)
    STORE(((vrift_word *)(void *)entry->inline_key)[i], words[i]);
}

static const uint8_t *key_of(const struct vrift_index_writer *writer, const struct vrift_index_entry *entry) {
  return pool_size(entry->key_length) ? writer->keys + vrift_load4(entry->inline_key) : entry->inline_key;
}

int vrift_writer_insert(struct vrift_index_writer *writer, const uint8_t *key, uint64_t length,
                        const struct vrift_index_value *value, uint32_t *out) {
  uint64_t hash = vrift_path_hash(key, length), start = name_start(key, length);
  uint32_t parent = 0;
  int error = check_key(key, length);
  if (!error && (value->flags & VRIFT_ENTRY_FREE)) error = EINVAL;
  if (!error && vrift_index_find(&writer->view, key, length, hash) != VRIFT_NO_ENTRY) error = EEXIST;
  if (!error) error = find_parent(writer, key, start, &parent);
  if (!error && !has_room(writer, length)) error = ENOSPC;
  if (error) return error;

  structure_begin(writer);
  uint32_t number = find_place(writer, hash);
  struct vrift_index_entry *entry = &writer->entries[number];
  write_begin(entry);
  store_key(writer, entry, key, length);
  STORE(entry->name_length, (uint16_t)(length - start));
  STORE(entry->parent, parent);
  STORE(entry->first_child, 0);
  store_value(writer, entry, value);
  link_child(writer, parent, number);
  write_end(entry);
  STORE(writer->header->entry_count, writer->header->entry_count + 1);
  set_tag(writer, number, vrift_tag(hash));
  structure_end(writer);
  *out = number;
  return 0;
}

static bool in_use(const struct vrift_index_writer *writer, uint32_t entry) {
  if (entry >= writer->view.entry_capacity) return false;
  return writer->entries[entry].seq != 0 && !(writer->entries[entry].flags & VRIFT_ENTRY_FREE);
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
  if (!in_use(writer, number)) return ENOENT;
  struct vrift_index_entry *entry = &writer->entries[number];
  if (value->flags & VRIFT_ENTRY_FREE) return EINVAL;
  if (!(value->flags & VRIFT_ENTRY_DIR) && (entry->first_child != 0 || number == 0)) return ENOTEMPTY;
  keep_undo(writer, number);
  write_begin(entry);
  store_value(writer, entry, value);
  write_end(entry);
  return 0;
}

/* Inside structure_begin and structure_end: an entry without children goes. */
static void drop(struct vrift_index_writer *writer, uint32_t number) {
  struct vrift_index_entry *entry = &writer->entries[number];
  write_begin(entry);
  clear_tag(writer, number);
  unlink_child(writer, entry);
  STORE(entry->flags, VRIFT_ENTRY_FREE);
  STORE(entry->next, 0);
  STORE(entry->prev, 0);
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
 * A directory (or any name) gets another key, and with it everything below. An entry lies where its key's hash points, so each
 * goes to another place. Everything that can fail is done before the first store, but for rename(2).
 *
 * All of it is inside one odd `structure_seq`:
 *  1. every name of the subtree is hidden: FREE, while its tag keeps the place;
 *  2. rename(2), or everything is shown again;
 *  3. parents first, each entry is copied to its new place, its neighbours are linked to that, its tag appears there, and the
 *     old place is given up.
 * So a reader never finds a new key while an old one can be found, nor either while the other is on disk: in between a lookup
 * is "unsure". A program that took that for "no such file" would make a new one: who has to know waits (native/inception/look.c).
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
  /* Each may leave a removed tag behind. */
  uint64_t taken = (uint64_t)header->entry_count + header->removed_tags + room->entries;
  room->fits = room->key_bytes <= header->keys_size - header->keys_used && taken <= header->entry_limit;
  return 0;
}

static void set_hidden(struct vrift_index_entry *entry, bool hidden) {
  write_begin(entry);
  STORE(entry->flags, (uint16_t)(hidden ? entry->flags | VRIFT_ENTRY_FREE : entry->flags & ~VRIFT_ENTRY_FREE));
  write_end(entry);
}

/* Whoever has the number of an entry as a neighbour gets another one. */
static void relink(struct vrift_index_writer *writer, const struct vrift_index_entry *entry, uint32_t number) {
  if (entry->prev != 0)
    STORE(writer->entries[entry->prev].next, number);
  else
    STORE(writer->entries[entry->parent].first_child, number);
  if (entry->next != 0) STORE(writer->entries[entry->next].prev, number);
}

/* A hidden entry to where `key` belongs, as nobody's child yet but the parent of those it has. Returns its number there. */
static uint32_t carry(struct vrift_index_writer *writer, uint32_t from, const uint8_t *key, uint64_t length) {
  uint64_t hash = vrift_path_hash(key, length);
  uint32_t to = find_place(writer, hash);
  struct vrift_index_entry *old = &writer->entries[from], *entry = &writer->entries[to];
  const vrift_word *words = (const vrift_word *)(const void *)old;
  const vrift_word *content = (const vrift_word *)(const void *)(writer->hashes + 32ull * from);
  vrift_word *word = (vrift_word *)(void *)entry, *copy = (vrift_word *)(void *)(writer->hashes + 32ull * to);
  write_begin(entry);
  STORE(entry->flags, (uint16_t)(old->flags & ~VRIFT_ENTRY_FREE));
  for (unsigned i = 1; i < offsetof(struct vrift_index_entry, inline_key) / 8; i++) STORE(word[i], words[i]);
  for (unsigned i = 0; i < 4; i++) STORE(copy[i], content[i]);
  store_key(writer, entry, key, length);
  write_end(entry);
  for (uint32_t child = old->first_child; child != 0; child = writer->entries[child].next)
    STORE(writer->entries[child].parent, to);
  set_tag(writer, to, vrift_tag(hash));
  return to;
}

static void give_up_place(struct vrift_index_writer *writer, uint32_t number) {
  struct vrift_index_entry *entry = &writer->entries[number];
  write_begin(entry);
  clear_tag(writer, number);
  STORE(entry->first_child, 0);
  STORE(entry->next, 0);
  STORE(entry->prev, 0);
  write_end(entry);
}

/* `numbers`: those of the subtree, parents first. There is room. */
static void carry_all(struct vrift_index_writer *writer, const uint32_t *numbers, uint32_t count, uint32_t parent,
                      const uint8_t *to, uint64_t length) {
  uint8_t key[VRIFT_INDEX_PATH_MAX];
  uint64_t before = writer->entries[numbers[0]].key_length;
  memcpy(key, to, length);
  unlink_child(writer, &writer->entries[numbers[0]]);
  for (uint32_t i = 0; i < count; i++) {
    const struct vrift_index_entry *old = &writer->entries[numbers[i]];
    uint64_t rest = old->key_length - before;
    memcpy(key + length, key_of(writer, old) + before, rest);
    uint32_t number = carry(writer, numbers[i], key, length + rest);
    if (i > 0) {
      relink(writer, &writer->entries[number], number);
    } else {
      struct vrift_index_entry *top = &writer->entries[number];
      write_begin(top);
      STORE(top->name_length, (uint16_t)(length - name_start(to, length)));
      STORE(top->parent, parent);
      link_child(writer, parent, number);
      write_end(top);
    }
    give_up_place(writer, numbers[i]);
  }
}

int vrift_writer_move(struct vrift_index_writer *writer, uint32_t number, const uint8_t *to, uint64_t length,
                      const char *disk_from, const char *disk_to) {
  struct vrift_move_room room;
  uint32_t parent, replaced, count = 0;
  int error = check_key(to, length);
  if (!error) error = vrift_writer_move_room(writer, number, length, &room);
  if (!error) error = find_parent(writer, to, name_start(to, length), &parent);
  for (uint32_t up = parent; !error && up != 0; up = writer->entries[up].parent)
    if (up == number) error = EINVAL;
  if (error) return error;
  replaced = vrift_index_find(&writer->view, to, length, vrift_path_hash(to, length));
  if (replaced == number) return EEXIST;
  if (replaced != VRIFT_NO_ENTRY && writer->entries[replaced].first_child != 0) return ENOTEMPTY;
  if (!room.fits) return ENOSPC;
  uint32_t *numbers = malloc(room.entries * sizeof *numbers);
  if (!numbers) return ENOMEM;
  for (uint32_t at = number; at != 0; at = next_below(writer, number, at)) numbers[count++] = at;

  structure_begin(writer);
  for (uint32_t i = 0; i < count; i++) set_hidden(&writer->entries[numbers[i]], true);
  if (disk_from && rename(disk_from, disk_to) != 0) error = errno;
  if (error) {
    for (uint32_t i = 0; i < count; i++) set_hidden(&writer->entries[numbers[i]], false);
  } else {
    if (replaced != VRIFT_NO_ENTRY) drop(writer, replaced);
    carry_all(writer, numbers, count, parent, to, length);
  }
  structure_end(writer);
  free(numbers);
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

void vrift_writer_add_root(struct vrift_index_writer *writer) {
  struct vrift_index_entry *root = &writer->entries[0];
  root->seq = 2;
  root->flags = VRIFT_ENTRY_DIR | VRIFT_ENTRY_BACKED;
  root->mode = S_IFDIR | 0755;
  root->ino = writer->header->root_ino;
  writer->tags[0] = VRIFT_TAG_REMOVED;
  writer->header->entry_count = 1;
}

/* Every name to the place its hash points at in the new table; `moved[old number]` is the new one. */
static int copy_entries(struct vrift_index_writer *writer, const struct vrift_index_writer *from, uint32_t *moved) {
  struct vrift_index_header *header = writer->header;
  for (uint32_t old = 0; old < from->view.entry_capacity; old++) {
    const struct vrift_index_entry *entry = &from->entries[old];
    if (!in_use(from, old)) continue;
    const uint8_t *key = key_of(from, entry);
    uint64_t hash = vrift_path_hash(key, entry->key_length), pooled = pool_size(entry->key_length);
    if (pooled > header->keys_size - header->keys_used) return ENOSPC;
    uint32_t number = old == 0 ? 0 : find_place(writer, hash);
    struct vrift_index_entry *copy = &writer->entries[number];
    *copy = *entry;
    copy->seq = 2;
    memcpy(writer->hashes + 32ull * number, from->hashes + 32ull * old, 32);
    if (pooled) {
      uint32_t offset = store_in_pool(writer, key, pooled);
      memcpy(copy->inline_key, &offset, sizeof offset);
    }
    if (number != 0) writer->tags[number] = vrift_tag(hash);
    moved[old] = number;
  }
  writer->tags[0] = VRIFT_TAG_REMOVED;
  return 0;
}

int vrift_writer_copy(struct vrift_index_writer *writer, const struct vrift_index_writer *from) {
  uint32_t *moved = calloc(from->view.entry_capacity, sizeof *moved);
  if (!moved) return ENOMEM;
  int error = copy_entries(writer, from, moved);
  for (uint32_t number = 0; !error && number < writer->view.entry_capacity; number++) {
    struct vrift_index_entry *entry = &writer->entries[number];
    entry->parent = moved[entry->parent];
    entry->first_child = moved[entry->first_child];
    entry->next = moved[entry->next];
    entry->prev = moved[entry->prev];
  }
  free(moved);
  memcpy(writer->seen, from->seen, 8ull * VRIFT_MARK_COUNT);
  writer->header->entry_count = from->header->entry_count;
  writer->header->transaction = from->header->transaction;
  writer->header->distrust = __atomic_load_n(&from->header->distrust, __ATOMIC_ACQUIRE);
  return error;
}

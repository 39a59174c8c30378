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
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index_writer_internal.h"


/* Preorder, without a stack: down, then across, then up until there is a sibling. 0: that was the last one. */
static uint32_t next_below(const struct vrift_index_writer *writer, uint32_t top, uint32_t at) {
  if (writer->entries[at].first_child != 0) return writer->entries[at].first_child;
  while (at != top && writer->entries[at].next == 0) at = writer->entries[at].parent;
  return at == top ? 0 : writer->entries[at].next;
}

int vrift_writer_move_room(const struct vrift_index_writer *writer, uint32_t number, uint64_t length,
                           struct vrift_move_room *room) {
  if (!vrift_in_use(writer, number)) return ENOENT;
  if (number == 0) return EBUSY;
  const struct vrift_index_header *header = writer->header;
  uint64_t before = writer->entries[number].key_length;
  *room = (struct vrift_move_room){0};
  for (uint32_t at = number; at != 0; at = next_below(writer, number, at)) {
    uint64_t after = writer->entries[at].key_length - before + length;
    if (header->root_length + 1 + after >= VRIFT_INDEX_PATH_MAX) return ENAMETOOLONG;
    room->entries++;
    room->key_bytes += vrift_pool_size(after);
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
  uint32_t to = vrift_place_find(writer, hash);
  struct vrift_index_entry *old = &writer->entries[from], *entry = &writer->entries[to];
  const vrift_word *words = (const vrift_word *)(const void *)old;
  const vrift_word *content = (const vrift_word *)(const void *)(writer->hashes + 32ull * from);
  vrift_word *word = (vrift_word *)(void *)entry, *copy = (vrift_word *)(void *)(writer->hashes + 32ull * to);
  write_begin(entry);
  /* Being moved is a change, and `times` stay behind. */
  STORE(entry->flags, (uint16_t)(old->flags & ~(VRIFT_ENTRY_FREE | VRIFT_ENTRY_EXACT | VRIFT_ENTRY_YOUNG)));
  for (unsigned i = 1; i < offsetof(struct vrift_index_entry, inline_key) / 8; i++) STORE(word[i], words[i]);
  for (unsigned i = 0; i < 4; i++) STORE(copy[i], content[i]);
  vrift_key_store(writer, entry, key, length);
  write_end(entry);
  for (uint32_t child = old->first_child; child != 0; child = writer->entries[child].next)
    STORE(writer->entries[child].parent, to);
  vrift_place_take(writer, to, vrift_tag(hash));
  return to;
}

static void give_up_place(struct vrift_index_writer *writer, uint32_t number) {
  struct vrift_index_entry *entry = &writer->entries[number];
  write_begin(entry);
  vrift_place_leave(writer, number);
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
  vrift_child_unlink(writer, &writer->entries[numbers[0]]);
  for (uint32_t i = 0; i < count; i++) {
    const struct vrift_index_entry *old = &writer->entries[numbers[i]];
    uint64_t rest = old->key_length - before;
    memcpy(key + length, vrift_key_of(writer, old) + before, rest);
    uint32_t number = carry(writer, numbers[i], key, length + rest);
    if (i > 0) {
      relink(writer, &writer->entries[number], number);
    } else {
      struct vrift_index_entry *top = &writer->entries[number];
      write_begin(top);
      STORE(top->name_length, (uint16_t)(length - vrift_key_name(to, length)));
      STORE(top->parent, parent);
      vrift_child_link(writer, parent, number);
      write_end(top);
    }
    give_up_place(writer, numbers[i]);
  }
}

int vrift_writer_move(struct vrift_index_writer *writer, uint32_t number, const uint8_t *to, uint64_t length,
                      const char *disk_from, const char *disk_to) {
  struct vrift_move_room room;
  uint32_t parent, replaced, count = 0;
  int error = vrift_key_check(to, length);
  if (!error) error = vrift_writer_move_room(writer, number, length, &room);
  if (!error) error = vrift_parent_find(writer, to, vrift_key_name(to, length), &parent);
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
    if (replaced != VRIFT_NO_ENTRY) vrift_entry_drop(writer, replaced);
    carry_all(writer, numbers, count, parent, to, length);
  }
  structure_end(writer);
  free(numbers);
  return error;
}

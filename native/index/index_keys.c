/* Keys of entries, and the lists of the directories they are in. */
#include <errno.h>
#include <string.h>

#include "index_writer_internal.h"

/* One component after another, none empty, none longer than the kernel takes; "" is the root, which is there. */
int vrift_key_check(const uint8_t *key, uint64_t length) {
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

uint64_t vrift_key_name(const uint8_t *key, uint64_t length) {
  while (length > 0 && key[length - 1] != '/') length--;
  return length;
}

int vrift_parent_find(const struct vrift_index_writer *writer, const uint8_t *key, uint64_t start, uint32_t *parent) {
  uint64_t length = start ? start - 1 : 0;
  *parent = vrift_index_find(&writer->view, key, length, vrift_path_hash(key, length));
  if (*parent == VRIFT_NO_ENTRY) return ENOENT;
  return writer->entries[*parent].flags & VRIFT_ENTRY_DIR ? 0 : ENOTDIR;
}

uint32_t vrift_key_pool(struct vrift_index_writer *writer, const uint8_t *key, uint64_t length) {
  uint64_t at = writer->header->keys_used;
  memcpy(writer->keys + at, key, length);
  STORE(writer->header->keys_used, at + length);
  return (uint32_t)at;
}

/* Readers copy entries word by word, so words are what is stored. */
void vrift_key_store(struct vrift_index_writer *writer, struct vrift_index_entry *entry, const uint8_t *key,
                      uint64_t length) {
  uint64_t words[VRIFT_INLINE_KEY_SIZE / 8] = {0};
  if (vrift_pool_size(length))
    words[0] = vrift_key_pool(writer, key, length);
  else
    memcpy(words, key, length);
  STORE(entry->key_length, (uint16_t)length);
  for (unsigned i = 0; i < VRIFT_INLINE_KEY_SIZE / 8; i++)
    STORE(((vrift_word *)(void *)entry->inline_key)[i], words[i]);
}

const uint8_t *vrift_key_of(const struct vrift_index_writer *writer, const struct vrift_index_entry *entry) {
  return vrift_pool_size(entry->key_length) ? writer->keys + vrift_load4(entry->inline_key) : entry->inline_key;
}

/* In front of its siblings. */
void vrift_child_link(struct vrift_index_writer *writer, uint32_t parent, uint32_t entry) {
  uint32_t first = writer->entries[parent].first_child;
  STORE(writer->entries[entry].next, first);
  STORE(writer->entries[entry].prev, 0);
  if (first != 0) STORE(writer->entries[first].prev, entry);
  STORE(writer->entries[parent].first_child, entry);
}

void vrift_child_unlink(struct vrift_index_writer *writer, const struct vrift_index_entry *entry) {
  if (entry->prev != 0)
    STORE(writer->entries[entry->prev].next, entry->next);
  else
    STORE(writer->entries[entry->parent].first_child, entry->next);
  if (entry->next != 0) STORE(writer->entries[entry->next].prev, entry->prev);
}

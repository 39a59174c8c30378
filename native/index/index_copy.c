/* What a new file begins with: the root alone, or the names of another file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "index_writer_internal.h"

/* Files nobody reads yet (no `magic`), so plain stores. */

void vrift_writer_add_root(struct vrift_index_writer *writer) {
  struct vrift_index_entry *root = &writer->entries[0];
  root->seq = 2;
  root->flags = VRIFT_ENTRY_DIR | VRIFT_ENTRY_BACKED;
  root->mode = S_IFDIR | 0755;
  root->ino = writer->header->root_ino;
  writer->tags[0] = VRIFT_TAG_REMOVED;
  writer->header->entry_count = 1;
}

void vrift_writer_set_facts(struct vrift_index_writer *writer, const struct vrift_index_header *facts) {
  struct vrift_index_header *header = writer->header;
  STORE(header->access_floor_ns, __atomic_load_n(&facts->access_floor_ns, __ATOMIC_RELAXED));
  STORE(header->access_rule, facts->access_rule);
  STORE(header->block_size, facts->block_size);
  STORE(header->basic_mask, facts->basic_mask);
  STORE(header->birth_mask, facts->birth_mask);
  STORE(header->attributes_mask, facts->attributes_mask);
  STORE(header->mount_id, facts->mount_id);
  STORE(header->mount_namespace, facts->mount_namespace);
}

/* Every name to the place its hash points at in the new table; `moved[old number]` is the new one. */
static int copy_entries(struct vrift_index_writer *writer, const struct vrift_index_writer *from, uint32_t *moved) {
  struct vrift_index_header *header = writer->header;
  for (uint32_t old = 0; old < from->view.entry_capacity; old++) {
    const struct vrift_index_entry *entry = &from->entries[old];
    if (!vrift_in_use(from, old)) continue;
    const uint8_t *key = vrift_key_of(from, entry);
    uint64_t hash = vrift_path_hash(key, entry->key_length), pooled = vrift_pool_size(entry->key_length);
    if (pooled > header->keys_size - header->keys_used) return ENOSPC;
    uint32_t number = old == 0 ? 0 : vrift_place_find(writer, hash);
    struct vrift_index_entry *copy = &writer->entries[number];
    *copy = *entry;
    copy->seq = 2;
    memcpy(writer->hashes + 32ull * number, from->hashes + 32ull * old, 32);
    writer->times[number] = from->times[old];
    if (pooled) {
      uint32_t offset = vrift_key_pool(writer, key, pooled);
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
  writer->header->virtual_entries = from->header->virtual_entries;
  writer->header->virtual_bytes = from->header->virtual_bytes;
  writer->header->held_hashes = from->header->held_hashes;
  writer->header->transaction = from->header->transaction;
  vrift_writer_set_facts(writer, from->header);
  writer->header->distrust = __atomic_load_n(&from->header->distrust, __ATOMIC_ACQUIRE);
  return error;
}

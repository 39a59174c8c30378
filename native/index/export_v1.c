/* The version-1 export: one pass copies the entries out of the index, the rest works on the copy. */
#include "export_v1.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Attempts to copy all entries while no name comes or goes. The last copy is taken as it is: who changed a name has an
 * export made again. */
enum { COPY_ATTEMPTS = 3 };
#define NOWHERE UINT32_MAX

struct build {
  const struct vrift_index_view *view;
  struct vrift_entry *entries; /* [used]; those not exported have ENTRY_FREE */
  uint32_t used;
  uint32_t count, directories, children; /* of exported entries */
  uint32_t *slot_of;                     /* [used] slot in the stat table, or NOWHERE */
  uint32_t *child_count, *child_start;   /* [used] */
  uint8_t *data;
  struct vrift_export_header *header;
  struct vrift_export_stat_entry *table;
  struct vrift_export_dir_index_entry *dirs;
  struct vrift_export_dir_child *pool;
};

uint64_t vrift_export_hash(const uint8_t *key, uint64_t length) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (uint64_t i = 0; i < length; i++) hash = (hash ^ key[i]) * 0x100000001b3ull;
  return hash > VRIFT_EXPORT_HASH_DELETED ? hash : VRIFT_EXPORT_HASH_SUBSTITUTE;
}

static bool exported(const struct build *build, uint32_t entry) {
  return entry < build->used && !(build->entries[entry].flags & (VRIFT_ENTRY_FREE | VRIFT_ENTRY_KERNEL));
}

static bool is_child(const struct build *build, uint32_t entry) {
  const struct vrift_entry *from = &build->entries[entry];
  return entry != 0 && exported(build, entry) && exported(build, from->parent) &&
         (build->entries[from->parent].flags & VRIFT_ENTRY_DIR) &&
         from->name_length < sizeof(((struct vrift_export_dir_child *)0)->name);
}

static uint64_t hash_of(const struct build *build, uint32_t entry) {
  const struct vrift_entry *from = &build->entries[entry];
  return vrift_export_hash(vrift_entry_key(build->view, from), from->key_length);
}

static int copy_entries(struct build *build) {
  build->used = vrift_list_limit(build->view);
  build->entries = malloc(sizeof *build->entries * (size_t)build->used);
  build->slot_of = malloc(sizeof *build->slot_of * build->used);
  build->child_count = calloc(build->used, sizeof *build->child_count);
  build->child_start = calloc(build->used, sizeof *build->child_start);
  if (!build->entries || !build->slot_of || !build->child_count || !build->child_start) return ENOMEM;
  for (int attempt = 0; attempt < COPY_ATTEMPTS; attempt++) {
    uint64_t begun = vrift_structure_begin(build->view);
    for (uint32_t entry = 0; entry < build->used; entry++) {
      struct vrift_entry *copy = &build->entries[entry];
      if (vrift_entry_read(build->view, entry, copy) != 0 || !vrift_entry_key(build->view, copy))
        copy->flags = VRIFT_ENTRY_FREE;
    }
    if (vrift_structure_held(build->view, begun)) break;
  }
  for (uint32_t entry = 0; entry < build->used; entry++) {
    if (!exported(build, entry)) continue;
    build->count++;
    build->directories += (build->entries[entry].flags & VRIFT_ENTRY_DIR) != 0;
    build->children += is_child(build, entry);
  }
  return 0;
}

/* At most three quarters full. */
static uint32_t capacity_for(uint32_t count) {
  uint64_t capacity = 16;
  while (capacity * 3 < (uint64_t)count * 4) capacity *= 2;
  return (uint32_t)capacity;
}

static int lay_out(struct build *build, size_t *size) {
  uint32_t table_capacity = capacity_for(build->count), dir_capacity = capacity_for(build->directories);
  uint64_t bloom = sizeof *build->header;
  uint64_t table = bloom + VRIFT_EXPORT_BLOOM_SIZE;
  uint64_t dirs = table + sizeof *build->table * (uint64_t)table_capacity;
  uint64_t pool = dirs + sizeof *build->dirs * (uint64_t)dir_capacity;
  uint64_t end = pool + sizeof *build->pool * (uint64_t)build->children;
  if (pool > UINT32_MAX) return EFBIG;
  build->data = calloc(1, end);
  if (!build->data) return ENOMEM;
  build->header = (void *)build->data;
  build->table = (void *)(build->data + table);
  build->dirs = (void *)(build->data + dirs);
  build->pool = (void *)(build->data + pool);
  *build->header = (struct vrift_export_header){
      .magic = VRIFT_EXPORT_MAGIC,
      .version = VRIFT_EXPORT_VERSION,
      .bloom_offset = (uint32_t)bloom,
      .table_offset = (uint32_t)table,
      .table_capacity = table_capacity,
      .dir_index_offset = (uint32_t)dirs,
      .dir_index_capacity = dir_capacity,
      .children_offset = (uint32_t)pool,
  };
  *size = end;
  return 0;
}

static void add_to_bloom(struct build *build, uint64_t hash) {
  uint8_t *bloom = build->data + build->header->bloom_offset;
  uint32_t bits = VRIFT_EXPORT_BLOOM_SIZE * 8, low = (uint32_t)hash, high = (uint32_t)(hash >> 32);
  for (uint32_t i = 0; i < VRIFT_EXPORT_BLOOM_HASHES; i++) {
    uint32_t bit = (low + i * high) % bits;
    bloom[bit >> 3] |= (uint8_t)(1u << (bit & 7));
  }
}

/* The slot that holds the hash, or the empty one where it belongs. */
static uint32_t stat_slot(const struct build *build, uint64_t hash) {
  uint32_t mask = build->header->table_capacity - 1, slot = (uint32_t)hash & mask;
  while (build->table[slot].path_hash != VRIFT_EXPORT_HASH_EMPTY && build->table[slot].path_hash != hash)
    slot = (slot + 1) & mask;
  return slot;
}

static void fill_stat(struct vrift_export_stat_entry *stat, uint64_t hash, const struct vrift_entry *entry) {
  int64_t seconds = entry->mtime_ns / 1000000000, rest = entry->mtime_ns % 1000000000;
  if (rest < 0) {
    seconds--;
    rest += 1000000000;
  }
  *stat = (struct vrift_export_stat_entry){
      .path_hash = hash,
      .size = entry->flags & VRIFT_ENTRY_DIR ? 0 : entry->size,
      .mtime = seconds,
      .mtime_nsec = rest,
      .mode = entry->mode & 07777,
      .flags = entry->flags & (VRIFT_ENTRY_DIR | VRIFT_ENTRY_SYMLINK),
  };
}

/*
 * The layout has no names in its stat table, so of two keys with one hash neither may be there: a reader would take the
 * one for the other. The first gets the mark of a deleted slot when the table is done.
 */
static void fill_table(struct build *build) {
  for (uint32_t entry = 0; entry < build->used; entry++) {
    build->slot_of[entry] = NOWHERE;
    if (!exported(build, entry)) continue;
    uint64_t hash = hash_of(build, entry);
    uint32_t slot = stat_slot(build, hash);
    if (build->table[slot].path_hash == hash) {
      build->table[slot].flags = NOWHERE;
      continue;
    }
    fill_stat(&build->table[slot], hash, &build->entries[entry]);
    build->slot_of[entry] = slot;
  }
  for (uint32_t entry = 0; entry < build->used; entry++) {
    uint32_t slot = build->slot_of[entry];
    if (slot == NOWHERE) continue;
    if (build->table[slot].flags == NOWHERE) {
      memset(&build->table[slot], 0, sizeof build->table[slot]);
      build->table[slot].path_hash = VRIFT_EXPORT_HASH_DELETED;
      build->slot_of[entry] = NOWHERE;
      continue;
    }
    build->header->entry_count++;
    add_to_bloom(build, build->table[slot].path_hash);
  }
}

static bool is_listed(const struct build *build, uint32_t entry) {
  return is_child(build, entry) && build->slot_of[entry] != NOWHERE && build->slot_of[build->entries[entry].parent] != NOWHERE;
}

static void fill_directories(struct build *build) {
  uint32_t next = 0, mask = build->header->dir_index_capacity - 1;
  for (uint32_t entry = 0; entry < build->used; entry++)
    if (is_listed(build, entry)) build->child_count[build->entries[entry].parent]++;
  for (uint32_t entry = 0; entry < build->used; entry++) {
    if (build->slot_of[entry] == NOWHERE || !(build->entries[entry].flags & VRIFT_ENTRY_DIR)) continue;
    uint64_t hash = build->table[build->slot_of[entry]].path_hash;
    uint32_t slot = (uint32_t)hash & mask;
    while (build->dirs[slot].parent_hash != VRIFT_EXPORT_HASH_EMPTY) slot = (slot + 1) & mask;
    build->dirs[slot] = (struct vrift_export_dir_index_entry){
        .parent_hash = hash, .children_start = next, .children_count = build->child_count[entry]};
    build->child_start[entry] = next;
    next += build->child_count[entry];
  }
  build->header->children_count = next;
}

static void fill_children(struct build *build) {
  for (uint32_t entry = 0; entry < build->used; entry++) {
    if (!is_listed(build, entry)) continue;
    const struct vrift_entry *from = &build->entries[entry];
    struct vrift_export_dir_child *child = &build->pool[build->child_start[from->parent]++];
    memcpy(child->name, vrift_entry_name(build->view, from), from->name_length);
    child->stat_index = build->slot_of[entry];
    child->is_dir = (from->flags & VRIFT_ENTRY_DIR) != 0;
  }
}

int vrift_export_build(const struct vrift_index_view *view, uint8_t **data, size_t *size) {
  struct build build = {.view = view};
  int error = copy_entries(&build);
  if (!error) error = lay_out(&build, size);
  if (!error) {
    fill_table(&build);
    fill_directories(&build);
    fill_children(&build);
    *data = build.data;
  }
  free(build.entries);
  free(build.slot_of);
  free(build.child_count);
  free(build.child_start);
  return error;
}

/*
 * The version-1 export: one pass takes out of the index what is exported, the rest works on that. The file is filled in its
 * mapping before it gets its name.
 */
#include "export_v1.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Attempts to take all entries while no name comes or goes. The last is taken as it is: who changed a name has an export
 * made again. */
enum { TAKE_ATTEMPTS = 3 };
#define NOWHERE UINT32_MAX
/* Beside the slot in `slot_of`, once the table is filled. */
#define SLOT_DIRECTORY 0x80000000u
#define NAME_SIZE sizeof(((struct vrift_export_dir_child *)0)->name)

/* What the export says of one entry. */
struct taken {
  struct vrift_export_stat_entry stat; /* path_hash 0: not exported */
  uint32_t parent;
  uint32_t name_at; /* in `names`, NUL behind it; NOWHERE: not listed */
};

struct build {
  const struct vrift_index_view *view;
  struct vrift_export *export;
  uint8_t *data; /* the new file, mapped */
  size_t mapped;
  struct taken *taken; /* [used] */
  char *names;
  size_t names_size, names_room;
  uint32_t count, directories, children;
  uint32_t *child_count, *child_start; /* [used] */
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

static uint32_t seq_of(const struct vrift_index_view *view, uint32_t entry) {
  return __atomic_load_n(&view->entries[entry].seq, __ATOMIC_ACQUIRE);
}

static struct vrift_export_stat_entry stat_of(const struct vrift_entry *entry, uint64_t hash) {
  int64_t seconds = entry->mtime_ns / 1000000000, rest = entry->mtime_ns % 1000000000;
  if (rest < 0) {
    seconds--;
    rest += 1000000000;
  }
  return (struct vrift_export_stat_entry){
      .path_hash = hash,
      .size = entry->flags & VRIFT_ENTRY_DIR ? 0 : entry->size,
      .mtime = seconds,
      .mtime_nsec = rest,
      .mode = entry->mode & 07777,
      .flags = entry->flags & (VRIFT_ENTRY_DIR | VRIFT_ENTRY_SYMLINK),
  };
}

static bool is_dir(const struct taken *taken) { return (taken->stat.flags & VRIFT_ENTRY_DIR) != 0; }

static int keep_name(struct build *build, const uint8_t *name, uint32_t length, uint32_t *at) {
  if (build->names_size + length + 1 > build->names_room) {
    size_t room = build->names_room * 2 + 65536;
    char *more = realloc(build->names, room);
    if (!more || room > NOWHERE) return ENOMEM;
    build->names = more;
    build->names_room = room;
  }
  *at = (uint32_t)build->names_size;
  memcpy(build->names + build->names_size, name, length);
  build->names[build->names_size + length] = 0;
  build->names_size += length + 1;
  return 0;
}

/* An entry that cannot be read, because its writer was stopped in it, is left out until it can. */
static int take_entry(struct build *build, uint32_t number) {
  struct vrift_entry entry;
  struct taken *taken = &build->taken[number];
  taken->stat.path_hash = VRIFT_EXPORT_HASH_EMPTY;
  taken->name_at = NOWHERE;
  build->export->seq_of[number] = seq_of(build->view, number);
  if (vrift_entry_read(build->view, number, &entry) != 0 || (entry.flags & (VRIFT_ENTRY_FREE | VRIFT_ENTRY_KERNEL))) return 0;
  const uint8_t *key = vrift_entry_key(build->view, &entry), *name = vrift_entry_name(build->view, &entry);
  if (!key || !name) return 0;
  taken->stat = stat_of(&entry, vrift_export_hash(key, entry.key_length));
  taken->parent = entry.parent;
  if (number == 0 || entry.name_length >= NAME_SIZE) return 0;
  return keep_name(build, name, entry.name_length, &taken->name_at);
}

static int take(struct build *build) {
  struct vrift_export *export = build->export;
  uint32_t used = vrift_list_limit(build->view);
  int error = 0;
  export->used = used;
  export->slot_of = malloc(sizeof *export->slot_of * (size_t)used + 1);
  export->seq_of = malloc(sizeof *export->seq_of * (size_t)used + 1);
  build->taken = malloc(sizeof *build->taken * (size_t)used + 1);
  build->child_count = calloc(used + 1, sizeof *build->child_count);
  build->child_start = calloc(used + 1, sizeof *build->child_start);
  if (!export->slot_of || !export->seq_of || !build->taken || !build->child_count || !build->child_start) return ENOMEM;
  for (int attempt = 0; attempt < TAKE_ATTEMPTS; attempt++) {
    export->names = vrift_structure_begin(build->view);
    build->names_size = 0;
    for (uint32_t entry = 0; entry < used && !error; entry++) error = take_entry(build, entry);
    if (error || vrift_structure_held(build->view, export->names)) break;
    export->names |= 1;
  }
  return error;
}

/* Only below a directory that is exported itself. */
static void count(struct build *build) {
  for (uint32_t entry = 0; entry < build->export->used; entry++) {
    struct taken *taken = &build->taken[entry];
    if (taken->stat.path_hash == VRIFT_EXPORT_HASH_EMPTY) continue;
    build->count++;
    build->directories += is_dir(taken);
    if (taken->name_at == NOWHERE) continue;
    bool listed = taken->parent < build->export->used && build->taken[taken->parent].stat.path_hash != VRIFT_EXPORT_HASH_EMPTY &&
                  is_dir(&build->taken[taken->parent]);
    if (!listed) taken->name_at = NOWHERE;
    build->children += listed;
  }
}

/* At most three quarters full. */
static uint32_t capacity_for(uint32_t count) {
  uint64_t capacity = 16;
  while (capacity * 3 < (uint64_t)count * 4) capacity *= 2;
  return (uint32_t)capacity;
}

static int lay_out(struct build *build) {
  uint32_t table_capacity = capacity_for(build->count), dir_capacity = capacity_for(build->directories);
  uint64_t bloom = sizeof *build->header;
  uint64_t table = bloom + VRIFT_EXPORT_BLOOM_SIZE;
  uint64_t dirs = table + sizeof *build->table * (uint64_t)table_capacity;
  uint64_t pool = dirs + sizeof *build->dirs * (uint64_t)dir_capacity;
  if (pool > UINT32_MAX) return EFBIG;
  build->mapped = pool + sizeof *build->pool * (uint64_t)build->children;
  int error;
  do error = posix_fallocate(build->export->fd, 0, (off_t)build->mapped);
  while (error == EINTR);
  if (error) return error;
  uint8_t *data = mmap(NULL, build->mapped, PROT_READ | PROT_WRITE, MAP_SHARED, build->export->fd, 0);
  if (data == MAP_FAILED) return errno;
  build->data = data;
  build->export->table_offset = (uint32_t)table;
  build->header = (void *)data;
  build->table = (void *)(data + table);
  build->dirs = (void *)(data + dirs);
  build->pool = (void *)(data + pool);
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

/*
 * The layout has no names in its stat table, so of two keys with one hash neither may be there: a reader would take the
 * one for the other. The first gets the mark of a deleted slot when the table is done.
 */
static void fill_table(struct build *build) {
  uint32_t *slot_of = build->export->slot_of;
  for (uint32_t entry = 0; entry < build->export->used; entry++) {
    const struct vrift_export_stat_entry *stat = &build->taken[entry].stat;
    slot_of[entry] = NOWHERE;
    if (stat->path_hash == VRIFT_EXPORT_HASH_EMPTY) continue;
    uint32_t slot = stat_slot(build, stat->path_hash);
    if (build->table[slot].path_hash == stat->path_hash) {
      build->table[slot].flags = NOWHERE;
      continue;
    }
    build->table[slot] = *stat;
    slot_of[entry] = slot;
  }
  for (uint32_t entry = 0; entry < build->export->used; entry++) {
    uint32_t slot = slot_of[entry];
    if (slot == NOWHERE) continue;
    if (build->table[slot].flags == NOWHERE) {
      build->table[slot] = (struct vrift_export_stat_entry){.path_hash = VRIFT_EXPORT_HASH_DELETED};
      slot_of[entry] = NOWHERE;
      continue;
    }
    build->header->entry_count++;
    add_to_bloom(build, build->table[slot].path_hash);
  }
}

static bool is_listed(const struct build *build, uint32_t entry) {
  const struct taken *taken = &build->taken[entry];
  return build->export->slot_of[entry] != NOWHERE && taken->name_at != NOWHERE && build->export->slot_of[taken->parent] != NOWHERE;
}

static void fill_directories(struct build *build) {
  uint32_t next = 0, mask = build->header->dir_index_capacity - 1;
  for (uint32_t entry = 0; entry < build->export->used; entry++)
    if (is_listed(build, entry)) build->child_count[build->taken[entry].parent]++;
  for (uint32_t entry = 0; entry < build->export->used; entry++) {
    if (build->export->slot_of[entry] == NOWHERE || !is_dir(&build->taken[entry])) continue;
    uint64_t hash = build->taken[entry].stat.path_hash;
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
  for (uint32_t entry = 0; entry < build->export->used; entry++) {
    if (!is_listed(build, entry)) continue;
    const struct taken *taken = &build->taken[entry];
    struct vrift_export_dir_child *child = &build->pool[build->child_start[taken->parent]++];
    strcpy((char *)child->name, build->names + taken->name_at);
    child->stat_index = build->export->slot_of[entry];
    child->is_dir = is_dir(taken);
  }
}

/* Into a file that has no name that anybody knows. */
static int fill(struct build *build) {
  struct vrift_export *export = build->export;
  if (fchmod(export->fd, 0600) != 0) return errno;
  int error = take(build);
  if (error) return error;
  count(build);
  error = lay_out(build);
  if (error) return error;
  fill_table(build);
  fill_directories(build);
  fill_children(build);
  for (uint32_t entry = 0; entry < export->used; entry++)
    if (export->slot_of[entry] != NOWHERE && is_dir(&build->taken[entry])) export->slot_of[entry] |= SLOT_DIRECTORY;
  /* What collisions left out of the lists is no part of the file. */
  export->size = build->header->children_offset + sizeof *build->pool * (size_t)build->header->children_count;
  return ftruncate(export->fd, (off_t)export->size) == 0 ? 0 : errno;
}

int vrift_export_make(const struct vrift_index_view *view, const char *path, struct vrift_export *export) {
  struct build build = {.view = view, .export = export};
  *export = (struct vrift_export){.fd = -1};
  /* In a directory that others may write to (/tmp): never an existing file. */
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  export->fd = fd;
  int error = fill(&build);
  if (build.data) munmap(build.data, build.mapped);
  free(build.taken);
  free(build.names);
  free(build.child_count);
  free(build.child_start);
  if (!error) return 0;
  vrift_export_close(export);
  unlink(path);
  return error;
}

/* False: the file does not have the entry as what it is now. */
static bool refresh_entry(const struct vrift_index_view *view, const struct vrift_export *export, uint32_t number) {
  struct vrift_entry entry;
  uint32_t slot = export->slot_of[number];
  if (vrift_entry_read(view, number, &entry) != 0) return false;
  bool exported = (entry.flags & (VRIFT_ENTRY_FREE | VRIFT_ENTRY_KERNEL)) == 0;
  if (slot == NOWHERE) return !exported;
  bool was_directory = (slot & SLOT_DIRECTORY) != 0;
  if (!exported || was_directory != ((entry.flags & VRIFT_ENTRY_DIR) != 0)) return false;
  struct vrift_export_stat_entry now = stat_of(&entry, 0);
  const size_t from = sizeof now.path_hash, size = sizeof now - from;
  off_t at = (off_t)(export->table_offset + sizeof now * (uint64_t)(slot & ~SLOT_DIRECTORY) + from);
  return pwrite(export->fd, (const uint8_t *)&now + from, size, at) == (ssize_t)size;
}

static bool has_name(const struct vrift_export *export, const char *path) {
  struct stat own, named;
  return fstat(export->fd, &own) == 0 && lstat(path, &named) == 0 && own.st_dev == named.st_dev && own.st_ino == named.st_ino &&
         (size_t)own.st_size == export->size;
}

bool vrift_export_refresh(const struct vrift_index_view *view, const char *path, struct vrift_export *export) {
  if (vrift_structure_begin(view) != export->names || vrift_list_limit(view) != export->used) return false;
  if (!has_name(export, path)) return false;
  for (uint32_t entry = 0; entry < export->used; entry++) {
    uint32_t seq = seq_of(view, entry);
    if (seq == export->seq_of[entry]) continue;
    if (!refresh_entry(view, export, entry)) return false;
    export->seq_of[entry] = seq;
  }
  return vrift_structure_held(view, export->names);
}

void vrift_export_close(struct vrift_export *export) {
  if (export->fd >= 0) close(export->fd);
  free(export->slot_of);
  free(export->seq_of);
  *export = (struct vrift_export){.fd = -1};
}

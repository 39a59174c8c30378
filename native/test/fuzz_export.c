/* The export made from a damaged index: made and kept up to date, or refused; and what was made is a whole file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export_v1.h"
#include "fuzz.h"

static void check(int condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "fuzz_export: %s\n", what);
  abort();
}

/* By the words of docs/index-format.md: sections in their order, every number inside them. */
static void check_file(const char *path) {
  struct stat st;
  int fd = open(path, O_RDONLY);
  check(fd >= 0 && fstat(fd, &st) == 0, path);
  size_t size = (size_t)st.st_size;
  uint8_t *bytes = malloc(size);
  check(read(fd, bytes, size) == st.st_size, path);
  close(fd);
  const struct vrift_export_header *header = (void *)bytes;
  check(size >= sizeof *header && header->magic == VRIFT_EXPORT_MAGIC, "header");
  check(header->bloom_offset == sizeof *header && header->table_offset == header->bloom_offset + VRIFT_EXPORT_BLOOM_SIZE, "bloom");
  check(header->dir_index_offset == header->table_offset + sizeof(struct vrift_export_stat_entry) * header->table_capacity, "table");
  check(header->children_offset == header->dir_index_offset + sizeof(struct vrift_export_dir_index_entry) * header->dir_index_capacity, "directories");
  check(size == header->children_offset + sizeof(struct vrift_export_dir_child) * (size_t)header->children_count, "children");
  const struct vrift_export_dir_index_entry *dirs = (void *)(bytes + header->dir_index_offset);
  const struct vrift_export_stat_entry *table = (void *)(bytes + header->table_offset);
  const struct vrift_export_dir_child *children = (void *)(bytes + header->children_offset);
  uint32_t used = 0;
  for (uint32_t i = 0; i < header->table_capacity; i++) used += table[i].path_hash > 1;
  check(used == header->entry_count && (uint64_t)used * 4 <= 3ull * header->table_capacity, "entry_count");
  for (uint32_t i = 0; i < header->dir_index_capacity; i++)
    check(dirs[i].parent_hash == 0 || (uint64_t)dirs[i].children_start + dirs[i].children_count <= header->children_count, "a directory");
  for (uint32_t i = 0; i < header->children_count; i++)
    check(children[i].stat_index < header->table_capacity && memchr(children[i].name, 0, sizeof children[i].name), "a child");
  free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char path[64];
  struct fuzz_case damaged;
  struct vrift_index_view view;
  struct vrift_export export;
  if (!path[0]) snprintf(path, sizeof path, "/dev/shm/vrift-fuzz-export-%d", getpid());
  fuzz_damage(data, size, "/proj", &damaged);
  if (vrift_index_validate(damaged.index, damaged.size, &view) == 0) {
    int error = vrift_export_make(&view, path, &export);
    check(error == 0 || error == EFBIG || error == ENOMEM || error == ENOSPC, strerror(error));
    if (!error) {
      check_file(path);
      /* Half the entries change meanwhile, to what other bytes of the file say. */
      for (uint32_t entry = 1; entry + 1 < view.entry_capacity; entry += 2) {
        struct vrift_index_entry *to = (struct vrift_index_entry *)(uintptr_t)&view.entries[entry];
        uint32_t seq = to->seq;
        *to = view.entries[entry + 1];
        to->seq = seq + 2;
      }
      vrift_export_refresh(&view, path, &export);
      check_file(path);
      vrift_export_close(&export);
      unlink(path);
    }
  }
  fuzz_free(&damaged);
  return 0;
}

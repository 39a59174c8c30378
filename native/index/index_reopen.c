/* The index file of a daemon before this one, taken over as it is. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index_writer.h"
#include "index_writer_internal.h"

/*
 * A file that was changed under the same kernel is whole whatever became of its writer; after a power cut some of its pages
 * may be older than others.
 */
void vrift_boot_id(uint8_t id[16]) {
  char text[64] = "";
  int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC), digits = 0;
  ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  memset(id, 0, 16);
  for (ssize_t i = 0; i < length && digits < 32; i++) {
    unsigned digit;
    if (sscanf((char[]){text[i], 0}, "%1x", &digit) != 1) continue;
    id[digits / 2] = (uint8_t)(id[digits / 2] << 4 | digit);
    digits++;
  }
}

static bool same_text(const char *mapped, const char *text) { return strcmp(mapped, text) == 0; }

static bool is_ours(const struct vrift_index_header *header, const struct vrift_index_options *options, uint64_t transaction) {
  static const uint8_t unknown[16];
  uint8_t boot[16];
  vrift_boot_id(boot);
  return header->kind == options->kind && header->root_dev == options->root_dev &&
         header->root_ino == options->root_ino && header->source_dev == options->source_dev &&
         header->uid == options->uid && header->gid == options->gid &&
         memcmp(header->workspace_id, options->workspace_id, sizeof header->workspace_id) == 0 &&
         memcmp(boot, unknown, sizeof boot) != 0 && memcmp(header->boot_id, boot, sizeof boot) == 0 &&
         header->transaction == transaction && (header->structure_seq & 1) == 0 && header->superseded == 0;
}

static bool add_number(struct vrift_index_numbers *numbers, uint32_t number) {
  if (numbers->count == numbers->room) {
    uint32_t room = numbers->room ? numbers->room * 2 : 64;
    uint32_t *larger = realloc(numbers->numbers, room * sizeof *larger);
    if (!larger) return false;
    numbers->numbers = larger;
    numbers->room = room;
  }
  numbers->numbers[numbers->count++] = number;
  return true;
}

/* Every number in it is one the writer may follow. */
static bool is_sound(const struct vrift_index_view *view, uint32_t number, const struct vrift_index_entry *entry) {
  uint32_t capacity = view->entry_capacity;
  if (entry->parent >= capacity || entry->first_child >= capacity || entry->next >= capacity || entry->prev >= capacity)
    return false;
  if (entry->name_length > entry->key_length || (entry->key_length == 0) != (number == 0)) return false;
  return entry->key_length <= VRIFT_INLINE_KEY_SIZE || vrift_pool_key(view, entry->inline_key, entry->key_length) != 0;
}

static int take_stock(const struct vrift_index_writer *writer, struct vrift_index_stock *stock) {
  const struct vrift_index_view *view = &writer->view;
  uint32_t count = 0;
  for (uint32_t number = 0; number < view->entry_capacity; number++) {
    const struct vrift_index_entry *entry = &writer->entries[number];
    bool tagged = writer->tags[number] >= VRIFT_TAG_FIRST || number == 0;
    bool used = entry->seq != 0 && (entry->flags & VRIFT_ENTRY_FREE) == 0;
    if ((entry->seq & 1) != 0 || tagged != used) return EINVAL;
    if (!used) continue;
    if (!is_sound(view, number, entry)) return EINVAL;
    count++;
    if (entry->flags & VRIFT_ENTRY_VIRTUAL) stock->virtual_entries++, stock->virtual_bytes += entry->size;
    bool kernel = (entry->flags & VRIFT_ENTRY_KERNEL) != 0;
    bool open_end = (entry->flags & (VRIFT_ENTRY_DIR | VRIFT_ENTRY_COMPLETE)) == VRIFT_ENTRY_DIR;
    if (kernel && !add_number(&stock->kernel, number)) return ENOMEM;
    if (!kernel && open_end && !add_number(&stock->incomplete, number)) return ENOMEM;
  }
  const struct vrift_index_header *header = writer->header;
  return count == header->entry_count && header->keys_used <= header->keys_size &&
                 header->entry_limit < header->entry_capacity
             ? 0
             : EINVAL;
}

static int map_existing(const char *path, struct vrift_index_writer *writer) {
  struct stat status;
  int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return errno;
  int error = fstat(fd, &status) != 0 ? errno : 0;
  if (!error && (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 07777) != 0600)) error = EACCES;
  if (!error && status.st_size < (off_t)VRIFT_INDEX_HEADER_SIZE) error = EINVAL;
  uint8_t *map = MAP_FAILED;
  if (!error) {
    map = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) error = errno;
  }
  close(fd);
  if (error) return error;
  writer->header = (void *)map;
  writer->size = (uint64_t)status.st_size;
  if (vrift_index_validate(map, writer->size, &writer->view) != 0) return EINVAL;
  writer->seen = (void *)(map + writer->header->seen_offset);
  writer->tags = (void *)(map + writer->header->tags_offset);
  writer->entries = (void *)(map + writer->header->entries_offset);
  writer->hashes = map + writer->header->hashes_offset;
  writer->keys = map + writer->header->keys_offset;
  return 0;
}

int vrift_writer_reopen(const char *path, const struct vrift_index_options *options, uint64_t transaction,
                        struct vrift_index_writer *writer, struct vrift_index_stock *stock) {
  memset(writer, 0, sizeof *writer);
  memset(stock, 0, sizeof *stock);
  int error = map_existing(path, writer);
  if (!error && vrift_index_alive(&writer->view)) error = EBUSY;
  if (!error && (!is_ours(writer->header, options, transaction) ||
                 !same_text(vrift_index_root(&writer->view), options->root_path) ||
                 !same_text(vrift_index_source(&writer->view), options->source_path)))
    error = ESTALE;
  if (!error) error = take_stock(writer, stock);
  if (!error) {
    /* Programs that still map it believe it again as soon as somebody is alive. */
    __atomic_store_n(&writer->header->distrust, 1, __ATOMIC_SEQ_CST);
    error = vrift_writer_claim(writer);
  }
  if (!error) return 0;
  vrift_index_stock_free(stock);
  vrift_writer_unmap(writer);
  return error;
}

void vrift_index_stock_free(struct vrift_index_stock *stock) {
  free(stock->kernel.numbers);
  free(stock->incomplete.numbers);
  memset(stock, 0, sizeof *stock);
}

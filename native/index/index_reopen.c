/* The index file of a daemon before this one, taken over as it is. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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
         header->transaction == transaction && header->superseded == 0;
}

/* Every number in it is one the writer may follow. */
static bool is_sound(const struct vrift_index_view *view, uint32_t number, const struct vrift_index_entry *entry) {
  uint32_t capacity = view->entry_capacity;
  if (entry->parent >= capacity || entry->first_child >= capacity || entry->next >= capacity || entry->prev >= capacity)
    return false;
  if (entry->name_length > entry->key_length || (entry->key_length == 0) != (number == 0)) return false;
  return entry->key_length <= VRIFT_INLINE_KEY_SIZE || vrift_pool_key(view, entry->inline_key, entry->key_length) != 0;
}

/*
 * Who was killed in a change left `structure_seq` odd, or, in a change in place, the `seq` of the entry that the undo record names:
 * it is kept before every such change. So the file is whole when neither is, and no entry needs to be read.
 */
static bool was_left_whole(const struct vrift_index_writer *writer) {
  const struct vrift_index_header *header = writer->header;
  const struct vrift_undo *undo = (const void *)((const uint8_t *)header + VRIFT_INDEX_UNDO_OFFSET);
  uint64_t number = undo->of >> 32;
  if (undo->of != 0 && (number >= header->entry_capacity || (writer->entries[number].seq & 1) != 0)) return false;
  return (header->structure_seq & 1) == 0 && header->entry_limit < header->entry_capacity &&
         header->entry_count <= header->entry_limit && header->removed_tags <= header->entry_limit - header->entry_count &&
         header->keys_used <= header->keys_size;
}

int vrift_writer_survey(const struct vrift_index_writer *writer, uint32_t from, uint32_t to, bool all,
                        uint32_t *numbers, uint32_t *count, uint32_t *naming) {
  *count = *naming = 0;
  if (to > writer->view.entry_capacity) to = writer->view.entry_capacity;
  for (uint32_t number = from; number < to; number++) {
    const struct vrift_index_entry *entry = &writer->entries[number];
    bool tagged = writer->tags[number] >= VRIFT_TAG_FIRST || number == 0;
    bool used = entry->seq != 0 && (entry->flags & VRIFT_ENTRY_FREE) == 0;
    if ((entry->seq & 1) != 0 || tagged != used) return EINVAL;
    if (!used) continue;
    if (!is_sound(&writer->view, number, entry)) return EINVAL;
    if ((entry->flags & VRIFT_ENTRY_HASHED) != 0 && entry->size > 0) ++*naming;
    bool open_end = (entry->flags & (VRIFT_ENTRY_DIR | VRIFT_ENTRY_COMPLETE)) == VRIFT_ENTRY_DIR;
    bool listed = all ? (entry->flags & VRIFT_ENTRY_VIRTUAL) == 0 : open_end || (entry->flags & VRIFT_ENTRY_KERNEL) != 0;
    if (listed) numbers[(*count)++] = number;
  }
  return 0;
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
  writer->times = (void *)(map + writer->header->times_offset);
  writer->keys = map + writer->header->keys_offset;
  return 0;
}

int vrift_writer_reopen(const char *path, const struct vrift_index_options *options, uint64_t transaction,
                        struct vrift_index_writer *writer) {
  memset(writer, 0, sizeof *writer);
  int error = map_existing(path, writer);
  if (!error && vrift_index_alive(&writer->view)) error = EBUSY;
  if (!error && (!is_ours(writer->header, options, transaction) ||
                 !same_text(vrift_index_root(&writer->view), options->root_path) ||
                 !same_text(vrift_index_source(&writer->view), options->source_path)))
    error = ESTALE;
  if (!error && !was_left_whole(writer)) error = EINVAL;
  if (!error) {
    /* Programs that still map it believe it again as soon as somebody is alive. */
    __atomic_store_n(&writer->header->distrust, 1, __ATOMIC_SEQ_CST);
    error = vrift_writer_claim(writer);
  }
  if (!error) return 0;
  vrift_writer_unmap(writer);
  return error;
}

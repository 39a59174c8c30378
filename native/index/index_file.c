/* Making, growing and closing an index file. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "index_writer.h"
#include "index_writer_internal.h"

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(((struct vrift_index_header *)0)->alive), "alive holds a mutex");

static uint64_t align64(uint64_t value) { return (value + 63) & ~63ull; }

/* One place in sixteen stays empty, so that every probe ends soon. */
static uint32_t limit_of(uint32_t places) { return places - places / 16; }

/* The fewest whole groups with room for so many entries. */
static uint32_t places_for(uint32_t entries) {
  uint32_t places = (uint32_t)((uint64_t)entries * 16 / 15) & ~(VRIFT_GROUP_ENTRIES - 1u);
  while (places == 0 || limit_of(places) < entries) places += VRIFT_GROUP_ENTRIES;
  return places;
}

/*
 * `alive` is a robust mutex: when its owner ends in whatever way, the kernel walks the thread's list of robust futexes
 * and stores FUTEX_OWNER_DIED in the first word. Readers only look at that word, so where libc keeps it is checked.
 */
int vrift_writer_claim(struct vrift_index_writer *writer) {
  pthread_mutex_t *mutex = (pthread_mutex_t *)(void *)writer->header->alive;
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  int error = pthread_mutex_init(mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  if (!error) error = pthread_mutex_lock(mutex);
  if (error) return error;
  pid_t self = (pid_t)syscall(SYS_gettid);
  uint32_t word = __atomic_load_n((uint32_t *)(void *)writer->header->alive, __ATOMIC_ACQUIRE);
  if ((word & VRIFT_FUTEX_TID_MASK) != (uint32_t)self) {
    pthread_mutex_unlock(mutex);
    return ENOTSUP;
  }
  writer->owner = self;
  return 0;
}

void vrift_writer_release(struct vrift_index_writer *writer) {
  if (writer->owner == 0 || writer->owner != (pid_t)syscall(SYS_gettid)) return;
  pthread_mutex_unlock((pthread_mutex_t *)(void *)writer->header->alive);
  writer->owner = 0;
}

void vrift_writer_unmap(struct vrift_index_writer *writer) {
  /* A mapping whose mutex is still on a thread's robust list must stay for ever. */
  if (writer->header && writer->owner == 0) munmap(writer->header, writer->size);
  writer->header = NULL;
}

static int allocate(int fd, uint64_t size) {
  int error;
  do error = posix_fallocate(fd, 0, (off_t)size);
  while (error == EINTR);
  return error;
}

/* Maps the new file and describes it; `magic` stays 0 until it is whole. */
static int lay_out(int fd, const struct vrift_index_options *options, struct vrift_index_writer *writer) {
  uint32_t places = places_for(options->entry_capacity);
  uint64_t seen = VRIFT_INDEX_HEADER_SIZE;
  uint64_t tags = align64(seen + 8ull * VRIFT_MARK_COUNT);
  uint64_t entries = align64(tags + 2ull * places);
  uint64_t hashes = align64(entries + sizeof(struct vrift_index_entry) * (uint64_t)places);
  uint64_t times = align64(hashes + 32ull * places);
  uint64_t keys = align64(times + sizeof(struct vrift_index_times) * (uint64_t)places);
  uint64_t size = align64(keys + options->keys_size);
  int error = allocate(fd, size);
  if (error) return error;
  uint8_t *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) return errno;
  struct vrift_index_header *header = (void *)map;
  *writer = (struct vrift_index_writer){
      .header = header,
      .seen = (void *)(map + seen),
      .tags = (void *)(map + tags),
      .entries = (void *)(map + entries),
      .hashes = map + hashes,
      .times = (void *)(map + times),
      .keys = map + keys,
      .size = size,
  };
  header->version = VRIFT_INDEX_VERSION;
  header->kind = options->kind;
  header->file_size = size;
  header->distrust = 1;
  header->entry_capacity = places;
  header->entry_limit = limit_of(places);
  header->tags_offset = tags;
  header->entries_offset = entries;
  header->hashes_offset = hashes;
  header->times_offset = times;
  header->keys_offset = keys;
  header->keys_size = options->keys_size;
  header->seen_offset = seen;
  header->root_dev = options->root_dev;
  header->root_ino = options->root_ino;
  header->source_dev = options->source_dev;
  header->uid = options->uid;
  header->gid = options->gid;
  header->root_length = (uint32_t)strlen(options->root_path);
  header->source_length = (uint32_t)strlen(options->source_path);
  memcpy(header->workspace_id, options->workspace_id, sizeof header->workspace_id);
  vrift_boot_id(header->boot_id);
  memcpy(map + VRIFT_INDEX_ROOT_PATH_OFFSET, options->root_path, header->root_length);
  memcpy(map + VRIFT_INDEX_SOURCE_PATH_OFFSET, options->source_path, header->source_length);
  /* Everything but `magic` is there, so that what fills the file can probe it as readers will. */
  header->magic = VRIFT_INDEX_MAGIC;
  error = vrift_index_validate(map, size, &writer->view) == 0 ? 0 : EINVAL;
  header->magic = 0;
  return error;
}

static int check_options(const struct vrift_index_options *options) {
  const char *texts[] = {options->root_path, options->source_path};
  for (int i = 0; i < 2; i++) {
    if (texts[i][0] != '/') return EINVAL;
    if (strlen(texts[i]) >= VRIFT_INDEX_PATH_MAX) return ENAMETOOLONG;
  }
  if (options->entry_capacity < 1 || options->keys_size < 1) return EINVAL;
  return options->entry_capacity > VRIFT_MAX_ENTRIES || options->keys_size > UINT32_MAX ? EFBIG : 0;
}

/* `magic` says that the file is whole. */
static int complete(struct vrift_index_writer *writer) {
  int error = vrift_writer_claim(writer);
  if (error) return error;
  vrift_writer_beat(writer);
  __atomic_store_n(&writer->header->magic, VRIFT_INDEX_MAGIC, __ATOMIC_RELEASE);
  return 0;
}

static int create(const char *path, const struct vrift_index_options *options, const struct vrift_index_writer *from,
                  struct vrift_index_writer *writer) {
  memset(writer, 0, sizeof *writer);
  int error = check_options(options);
  if (error) return error;
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  if (fchmod(fd, 0600) != 0) error = errno;
  if (!error) error = lay_out(fd, options, writer);
  close(fd);
  if (!error && from) error = vrift_writer_copy(writer, from);
  if (!error && !from) vrift_writer_add_root(writer);
  if (!error) error = complete(writer);
  if (!error) return 0;
  vrift_writer_release(writer);
  vrift_writer_unmap(writer);
  unlink(path);
  return error;
}

int vrift_writer_create(const char *path, const struct vrift_index_options *options, struct vrift_index_writer *writer) {
  return create(path, options, NULL, writer);
}

static uint64_t keys_in_use(const struct vrift_index_writer *writer) {
  uint64_t bytes = 0;
  for (uint32_t entry = 0; entry < writer->view.entry_capacity; entry++)
    if (!(writer->entries[entry].flags & VRIFT_ENTRY_FREE) && writer->entries[entry].key_length > VRIFT_INLINE_KEY_SIZE)
      bytes += writer->entries[entry].key_length;
  return bytes;
}

int vrift_writer_grow(const struct vrift_index_writer *from, const char *path, uint32_t entry_capacity,
                      uint64_t more_keys, struct vrift_index_writer *writer) {
  const struct vrift_index_header *header = from->header;
  struct vrift_index_options options = {
      .kind = header->kind,
      .entry_capacity = entry_capacity,
      .keys_size = keys_in_use(from) + more_keys,
      .root_dev = header->root_dev,
      .root_ino = header->root_ino,
      .source_dev = header->source_dev,
      .uid = header->uid,
      .gid = header->gid,
      .root_path = vrift_index_root(&from->view),
      .source_path = vrift_index_source(&from->view),
  };
  memcpy(options.workspace_id, header->workspace_id, sizeof options.workspace_id);
  if (entry_capacity < header->entry_count) return EINVAL;
  return create(path, &options, from, writer);
}

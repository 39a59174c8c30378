#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint8_t *good;
static size_t good_size;
static struct vrift_index_header header;

static void fail(const char *what) {
  perror(what);
  exit(2);
}

void fuzz_key(int number, char *key) {
  static const char longer[] = "-with-a-name-so-long-that-its-key-does-not-fit-into-the-entry-and-lies-in-the-pool-of-keys-instead";
  if (number < FUZZ_DIRECTORIES)
    snprintf(key, FUZZ_KEY_SIZE, "d%d", number);
  else
    snprintf(key, FUZZ_KEY_SIZE, "d%d/file%d%s", number % FUZZ_DIRECTORIES, number, number % 3 == 0 ? longer : "");
}

static void make_good(const char *root) {
  char path[] = "/tmp/vrift-fuzz-XXXXXX", key[FUZZ_KEY_SIZE];
  struct vrift_index_writer writer;
  struct vrift_index_options options = {
      .kind = VRIFT_KIND_PHANTOM, .entry_capacity = 64, .keys_size = 4096, .root_path = root, .source_path = "/source"};
  memset(options.workspace_id, '0', sizeof options.workspace_id);
  int fd = mkstemp(path);
  if (fd < 0 || close(fd) != 0 || unlink(path) != 0) fail(path);
  if (vrift_writer_create(path, &options, &writer) != 0) fail("create");
  for (int i = 0; i < FUZZ_DIRECTORIES + FUZZ_FILES; i++) {
    struct vrift_index_value value = {.size = (uint64_t)i, .mtime_ns = -i, .ino = (uint64_t)i + 9, .mode = 0100644, .flags = VRIFT_ENTRY_VIRTUAL};
    uint32_t entry;
    if (i < FUZZ_DIRECTORIES) value.flags = VRIFT_ENTRY_DIR | VRIFT_ENTRY_BACKED | VRIFT_ENTRY_COMPLETE, value.mode = 040755;
    fuzz_key(i, key);
    if (vrift_writer_insert(&writer, (uint8_t *)key, strlen(key), &value, &entry) != 0) fail(key);
  }
  writer.header->distrust = 0;
  good_size = writer.size;
  good = malloc(good_size);
  memcpy(good, writer.header, good_size);
  header = *writer.header;
  vrift_writer_release(&writer);
  vrift_writer_unmap(&writer);
  unlink(path);
}

static uint64_t value_of(uint8_t kind, uint32_t value) {
  const uint64_t near[] = {0,          1,          header.entry_capacity, header.keys_size,    good_size, header.keys_used, 0x7fffffff,
                           0x80000000, 0xffffffff, ~0ull,                 header.keys_offset, 16384,     64,               0xffff};
  if (kind == 0) return value;
  if (kind == 1) return (uint64_t)value << 32 | value;
  return near[kind % (sizeof near / sizeof *near)] + (uint64_t)(int64_t)(int8_t)value;
}

static void store(uint8_t *section, size_t length, uint32_t at, uint8_t width, uint64_t value) {
  if (width != 1 && width != 2 && width != 8) width = 4;
  if (length < width) return;
  memcpy(section + at % (length - width + 1) / width * width, &value, width);
}

void fuzz_damage(const uint8_t *data, size_t size, const char *root, struct fuzz_case *damaged) {
  if (!good) make_good(root);
  /* A first byte of 0xff cuts the file; the size that fstat says is what the reader is told. */
  damaged->size = size >= 12 && data[0] == 0xff ? ((size_t)data[4] | (size_t)data[5] << 8 | (size_t)data[6] << 16) % (good_size + 1) : good_size;
  damaged->index = aligned_alloc(64, (damaged->size + 63) / 64 * 64 + 64);
  damaged->marks = calloc(VRIFT_MARK_COUNT, 8);
  if (!damaged->index || !damaged->marks) fail("memory");
  uint8_t *copy = malloc(good_size);
  memcpy(copy, good, good_size);
  for (; size >= 12; data += 12, size -= 12) {
    uint32_t at, given;
    memcpy(&at, data + 4, 4);
    memcpy(&given, data + 8, 4);
    uint64_t value = value_of(data[2], given);
    switch (data[0] % 8) {
    case 0: store(copy, sizeof header, at, data[1], value); break;
    case 1: store(copy + sizeof header, VRIFT_INDEX_HEADER_SIZE - sizeof header, at, data[1], value); break;
    case 2: store(copy + header.tags_offset, 2ull * header.entry_capacity, at, data[1], value); break;
    case 3: store((uint8_t *)damaged->marks, 8ul * VRIFT_MARK_COUNT, at, data[1], value); break;
    case 4: store(copy + header.seen_offset, 8ul * VRIFT_MARK_COUNT, at, data[1], value); break;
    case 5: store(copy + header.keys_offset, header.keys_used, at, data[1], value); break;
    default: store(copy + header.entries_offset, sizeof(struct vrift_index_entry) * (size_t)header.entry_capacity, at, data[1], value);
    }
  }
  memcpy(damaged->index, copy, damaged->size);
  free(copy);
}

void fuzz_free(struct fuzz_case *damaged) {
  free(damaged->index);
  free(damaged->marks);
}

static volatile uint64_t sum;
void fuzz_touch(const void *bytes, size_t size) {
  const uint8_t *at = bytes;
  for (size_t i = 0; i < size; i++) sum += at[i];
}

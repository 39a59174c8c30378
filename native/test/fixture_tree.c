#include "fixture_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fixture_die(const char *what, const char *path) {
  fprintf(stderr, "phantom_fixture: %s: %s: %s\n", what, path, strerror(errno));
  exit(1);
}

const char *fixture_path(const char *directory, const char *key) {
  static char ring[8][PATH_MAX];
  static int turn;
  char *out = ring[turn++ % 8];
  snprintf(out, PATH_MAX, "%s%s%s", directory, *key ? "/" : "", key);
  return out;
}

bool fixture_is_kernel(const char *key) {
  const char *name = strrchr(key, '/');
  name = name ? name + 1 : key;
  return strcmp(name, ".git") == 0 || strcmp(name, ".env") == 0;
}

static void walk(struct fixture *fixture, const char *key,
                 void (*visit)(struct fixture *, const char *, const struct stat *)) {
  DIR *dir = opendir(fixture_path(fixture->root, key));
  if (!dir) fixture_die("opendir", key);
  struct dirent *record;
  while ((record = readdir(dir))) {
    char child[PATH_MAX];
    struct stat st;
    const char *name = record->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
    if (*key == 0 && strcmp(name, ".vrift") == 0) continue;
    snprintf(child, sizeof child, "%s%s%s", key, *key ? "/" : "", name);
    if (lstat(fixture_path(fixture->root, child), &st) != 0) fixture_die("lstat", child);
    visit(fixture, child, &st);
    if (S_ISDIR(st.st_mode) && !fixture_is_kernel(child)) walk(fixture, child, visit);
  }
  closedir(dir);
}

void fixture_walk(struct fixture *fixture, void (*visit)(struct fixture *, const char *key, const struct stat *st)) {
  walk(fixture, "", visit);
}

bool fixture_is_plain(const char *path, const struct stat *st) {
  char magic[4] = {0};
  if (!S_ISREG(st->st_mode) || st->st_nlink != 1 || (st->st_mode & 07111) != 0) return false;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t got = read(fd, magic, sizeof magic);
  close(fd);
  return got < 4 || memcmp(magic, "\177ELF", 4) != 0;
}

static int64_t nanoseconds(struct timespec time) { return time.tv_sec * 1000000000ll + time.tv_nsec; }

void fixture_value(const struct stat *st, uint16_t flags, struct vrift_index_value *value) {
  memset(value, 0, sizeof *value);
  value->flags = flags;
  value->size = (uint64_t)st->st_size;
  value->mtime_ns = nanoseconds(st->st_mtim);
  value->ctime_ns = nanoseconds(st->st_ctim);
  value->ino = st->st_ino;
  value->mode = st->st_mode;
  value->blocks = (uint32_t)st->st_blocks;
}

/* Stands for BLAKE3: only has to tell the contents of a test apart. */
static void digest(const uint8_t *bytes, size_t size, uint8_t out[32]) {
  for (int lane = 0; lane < 4; lane++) {
    uint64_t h = 0xcbf29ce484222325ull + (uint64_t)lane * 0x9E3779B97F4A7C15ull;
    for (size_t i = 0; i < size; i++) h = (h ^ bytes[i]) * 0x100000001b3ull;
    memcpy(out + 8 * lane, &h, 8);
  }
}

void fixture_take(struct fixture *fixture, const char *path, const struct stat *st, struct vrift_index_value *value) {
  char hex[65], blob[PATH_MAX];
  fixture_value(st, VRIFT_ENTRY_VIRTUAL | VRIFT_ENTRY_HASHED, value);
  value->ino = VRIFT_VIRTUAL_INODE_BASE + ++fixture->next_id;
  size_t size = (size_t)st->st_size;
  uint8_t *bytes = malloc(size + 1);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || read(fd, bytes, size) != (ssize_t)size) fixture_die("read", path);
  close(fd);
  digest(bytes, size, value->content_hash);
  for (int i = 0; i < 32; i++) sprintf(hex + 2 * i, "%02x", value->content_hash[i]);
  if (size > 0) {
    snprintf(blob, sizeof blob, "%s/blake3/%.2s", fixture->source, hex);
    mkdir(blob, 0700);
    snprintf(blob, sizeof blob, "%s/blake3/%.2s/%s_%zu.bin", fixture->source, hex, hex, size);
    fd = open(blob, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (fd < 0 && errno != EEXIST) fixture_die("blob", blob);
    if (fd >= 0) {
      if (write(fd, bytes, size) != (ssize_t)size) fixture_die("write", blob);
      struct timespec sealed[2] = {{VRIFT_SEAL_SECONDS, 0}, {VRIFT_SEAL_SECONDS, 0}};
      fchmod(fd, 0444);
      futimens(fd, sealed);
      close(fd);
    }
  }
  free(bytes);
  if (unlink(path) != 0) fixture_die("unlink", path);
}

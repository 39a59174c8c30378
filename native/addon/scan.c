/*
 * Lists a tree: names with getdents64, facts with fstatat relative to the open directory, so that neither the depth nor a
 * directory renamed meanwhile matters, and no link is ever followed. Depth first with a stack of its own; only the
 * OPEN_DIRECTORIES deepest levels keep a descriptor, those above are opened again through `..` of their child and must
 * then be the same directory.
 */
#include "scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "syscalls.h"
#include "vrift_layout.h"

enum { OPEN_DIRECTORIES = 64, DIRENT_BUFFER = 64 * 1024, NAMES_BUFFER = 64 * 1024 };

/* One directory whose subdirectories are being visited. */
struct level {
  int fd; /* -1: closed to save descriptors */
  dev_t dev;
  ino_t ino;
  size_t cursor; /* next record to look at */
  size_t end;    /* end of this directory's own records */
  size_t key_at; /* its key in the output; for the root 0 and length 0 */
  uint32_t key_length;
};

struct scan {
  struct vrift_scan_output *output;
  struct level *levels;
  size_t depth, level_capacity;
  char *const *skip;
  size_t skip_count;
  dev_t dev;
  bool no_xattr; /* the file system said ENOTSUP once */
  bool no_listxattrat;
  char dirents[DIRENT_BUFFER];
  char names[NAMES_BUFFER];
};

struct linux_dirent64 {
  uint64_t d_ino;
  int64_t d_off;
  uint16_t d_reclen;
  uint8_t d_type;
  char d_name[];
};

int vrift_scan_compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static struct vrift_scan_record *record_at(struct scan *scan, size_t at) {
  return (struct vrift_scan_record *)(void *)(scan->output->data + at);
}

/* At least one NUL follows the key, so that it can be given to the kernel where it is. */
static size_t record_size(uint32_t key_length) {
  return (sizeof(struct vrift_scan_record) + key_length + 8) & ~(size_t)7;
}

static bool is_skipped(struct scan *scan, const char *key) {
  return scan->skip_count > 0 &&
         bsearch(&key, scan->skip, scan->skip_count, sizeof *scan->skip, vrift_scan_compare) != NULL;
}

/* Well-formed UTF-8 as JavaScript decodes it: no overlong forms, no surrogates, at most U+10FFFF. */
static bool is_utf8(const uint8_t *text) {
  for (; *text; text++) {
    if (*text < 0x80) continue;
    int more = *text >= 0xf0 ? 3 : *text >= 0xe0 ? 2 : 1;
    if (*text < 0xc2 || *text > 0xf4) return false;
    uint8_t low = *text == 0xe0 ? 0xa0 : *text == 0xf0 ? 0x90 : 0x80;
    uint8_t high = *text == 0xed ? 0x9f : *text == 0xf4 ? 0x8f : 0xbf;
    if (text[1] < low || text[1] > high) return false;
    text++;
    for (int i = 1; i < more; i++)
      if ((*++text & 0xc0) != 0x80) return false;
  }
  return true;
}

/* Regular files only. An error other than "not supported" counts as "has some": such a file is left alone. */
static bool has_xattr(struct scan *scan, int directory, const char *name) {
  if (scan->no_xattr) return false;
  ssize_t length = -1;
#ifdef SYS_listxattrat
  enum { LISTXATTRAT = SYS_listxattrat };
#else
  enum { LISTXATTRAT = 465 }; /* Linux 6.13, newer than most kernel headers; not used by anything else before */
#endif
  if (!scan->no_listxattrat) {
    length = syscall(LISTXATTRAT, directory, name, AT_SYMLINK_NOFOLLOW, scan->names, (size_t)NAMES_BUFFER);
    if (length < 0 && (errno == ENOSYS || errno == EPERM || errno == EINVAL)) scan->no_listxattrat = true;
  }
  if (scan->no_listxattrat) {
    char path[64 + NAME_MAX];
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", directory, name);
    length = llistxattr(path, scan->names, NAMES_BUFFER);
  }
  if (length >= 0) return vrift_names_count(scan->names, length);
  if (errno == EOPNOTSUPP) scan->no_xattr = true;
  return errno != EOPNOTSUPP && errno != ENOENT;
}

static mode_t type_bits(uint8_t d_type) {
  switch (d_type) {
    case DT_REG: return S_IFREG;
    case DT_DIR: return S_IFDIR;
    case DT_LNK: return S_IFLNK;
    default: return S_IFIFO; /* something the scan does not name further: special */
  }
}

static int64_t nanoseconds(struct timespec time) { return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec; }

static void fill(struct vrift_scan_record *record, const struct stat *status) {
  record->size = (uint64_t)status->st_size;
  record->mtime_ns = nanoseconds(status->st_mtim);
  record->ctime_ns = nanoseconds(status->st_ctim);
  record->ino = status->st_ino;
  record->dev = status->st_dev;
  record->blocks = (uint64_t)status->st_blocks;
  record->mode = status->st_mode;
  record->nlink = status->st_nlink > UINT32_MAX ? UINT32_MAX : (uint32_t)status->st_nlink;
  record->uid = status->st_uid;
  record->gid = status->st_gid;
}

static bool reserve(struct vrift_scan_output *output, size_t more) {
  if (output->capacity - output->length >= more) return true;
  size_t capacity = output->capacity * 2 > output->length + more ? output->capacity * 2 : output->length + more;
  uint8_t *data = realloc(output->data, capacity);
  if (!data) return false;
  output->data = data;
  output->capacity = capacity;
  return true;
}

/* Appends what is known of `name` in the level. False: no memory. A name that is gone meanwhile is not listed. */
static bool list_name(struct scan *scan, const struct level *level, const struct linux_dirent64 *dirent) {
  const char *name = dirent->d_name;
  struct stat status;
  int error = 0;
  if (fstatat(level->fd, name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
    if (errno == ENOENT) return true;
    error = errno;
    memset(&status, 0, sizeof status);
    status.st_mode = type_bits(dirent->d_type);
  }
  uint32_t name_length = (uint32_t)strlen(name);
  uint32_t prefix = level->key_length ? level->key_length + 1 : 0;
  size_t size = record_size(prefix + name_length);
  if (!reserve(scan->output, size)) return false;
  struct vrift_scan_record *record = record_at(scan, scan->output->length);
  uint8_t *key = (uint8_t *)(record + 1);
  memset(record, 0, sizeof *record);
  memset((uint8_t *)record + size - 8, 0, 8);
  fill(record, &status);
  record->error = (uint16_t)error;
  record->key_length = prefix + name_length;
  if (prefix) {
    memcpy(key, scan->output->data + level->key_at, level->key_length);
    key[prefix - 1] = '/';
  }
  memcpy(key + prefix, name, name_length);
  record->valid_utf8 = is_utf8(key);
  record->xattr = !error && S_ISREG(status.st_mode) && has_xattr(scan, level->fd, name);
  scan->output->length += size;
  return true;
}

/* Lists the directory of the topmost level. 0 or an errno; *out_of_memory when the scan must end. */
static int list_directory(struct scan *scan, bool *out_of_memory) {
  struct level *level = &scan->levels[scan->depth - 1];
  level->cursor = scan->output->length;
  int error = 0;
  for (;;) {
    long got = syscall(SYS_getdents64, level->fd, scan->dirents, (size_t)DIRENT_BUFFER);
    if (got < 0) error = errno;
    if (got <= 0) break;
    for (long at = 0; at < got;) {
      const struct linux_dirent64 *dirent = (const void *)(scan->dirents + at);
      at += dirent->d_reclen;
      const char *name = dirent->d_name;
      if (name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0))) continue;
      if (!list_name(scan, level, dirent)) {
        *out_of_memory = true;
        return ENOMEM;
      }
    }
  }
  level->end = scan->output->length;
  return error;
}

static bool push(struct scan *scan, int fd, const struct stat *status, size_t key_at, uint32_t key_length) {
  if (scan->depth == scan->level_capacity) {
    size_t capacity = scan->level_capacity ? scan->level_capacity * 2 : 64;
    struct level *levels = realloc(scan->levels, capacity * sizeof *levels);
    if (!levels) return false;
    scan->levels = levels;
    scan->level_capacity = capacity;
  }
  if (scan->depth >= OPEN_DIRECTORIES) {
    struct level *old = &scan->levels[scan->depth - OPEN_DIRECTORIES];
    if (old->fd >= 0) close(old->fd);
    old->fd = -1;
  }
  scan->levels[scan->depth++] =
      (struct level){.fd = fd, .dev = status->st_dev, .ino = status->st_ino, .key_at = key_at, .key_length = key_length};
  return true;
}

enum { DIRECTORY_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK };

/* Leaves the topmost level; its parent gets a descriptor again, or every directory left in it an error. */
static void pop(struct scan *scan) {
  struct level *child = &scan->levels[--scan->depth];
  struct level *parent = scan->depth > 0 ? child - 1 : NULL;
  if (parent && parent->fd < 0) {
    struct stat status;
    int fd = child->fd < 0 ? -1 : openat(child->fd, "..", DIRECTORY_FLAGS);
    if (fd >= 0 && (fstat(fd, &status) != 0 || status.st_dev != parent->dev || status.st_ino != parent->ino)) {
      close(fd);
      fd = -1;
    }
    parent->fd = fd;
  }
  if (child->fd >= 0) close(child->fd);
}

/* Opens the directory of a record: the new descriptor, or -1 with the reason in the record. */
static int enter(struct scan *scan, const struct level *level, struct vrift_scan_record *record, struct stat *status) {
  const char *key = (const char *)(record + 1);
  const char *name = key + (level->key_length ? level->key_length + 1 : 0);
  int fd = level->fd < 0 ? -1 : openat(level->fd, name, DIRECTORY_FLAGS);
  int error = level->fd < 0 ? ESTALE : fd < 0 ? errno : 0;
  if (!error && fstat(fd, status) != 0) error = errno;
  if (!error && status->st_dev != scan->dev) error = EXDEV;
  if (error && fd >= 0) close(fd);
  /* The name may have been given to another directory since it was listed; the record then describes that one. */
  if (!error)
    fill(record, status);
  else
    record->error = (uint16_t)error;
  return error ? -1 : fd;
}

static int walk(struct scan *scan) {
  bool out_of_memory = false;
  int error = list_directory(scan, &out_of_memory);
  if (error) return error;
  while (scan->depth > 0) {
    struct level *level = &scan->levels[scan->depth - 1];
    if (level->cursor >= level->end) {
      pop(scan);
      continue;
    }
    size_t at = level->cursor;
    struct vrift_scan_record *record = record_at(scan, at);
    level->cursor += record_size(record->key_length);
    if (!S_ISDIR(record->mode) || record->error || is_skipped(scan, (const char *)(record + 1))) continue;
    struct stat status;
    int fd = enter(scan, level, record, &status);
    if (fd < 0) continue;
    if (!push(scan, fd, &status, at + sizeof *record, record->key_length)) {
      close(fd);
      return ENOMEM;
    }
    error = list_directory(scan, &out_of_memory);
    if (out_of_memory) return ENOMEM;
    if (error) record_at(scan, at)->error = (uint16_t)error;
  }
  return 0;
}

int vrift_scan(const char *root, char *const *skip, size_t skip_count, struct vrift_scan_output *output) {
  struct stat status;
  int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  struct scan *scan = calloc(1, sizeof *scan);
  if (!scan || fstat(fd, &status) != 0) {
    int error = scan ? errno : ENOMEM;
    free(scan);
    close(fd);
    return error;
  }
  scan->output = output;
  scan->skip = skip;
  scan->skip_count = skip_count;
  scan->dev = status.st_dev;
  int error = ENOMEM;
  if (push(scan, fd, &status, 0, 0))
    error = walk(scan);
  else
    close(fd);
  while (scan->depth > 0) {
    struct level *level = &scan->levels[--scan->depth];
    if (level->fd >= 0) close(level->fd);
  }
  free(scan->levels);
  free(scan);
  return error;
}

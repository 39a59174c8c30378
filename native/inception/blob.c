#include "blob.h"

#include "bytes.h"

/* What of a program's open flags makes sense for the blob; creation and links were settled on the way. */
#define KEPT_FLAGS (O_CLOEXEC | O_NONBLOCK | O_PATH | O_DIRECT | O_NOATIME | O_APPEND | O_SYNC | O_LARGEFILE)

/* `shards` is "/blake3/", or "/trash/" for the place where a sweep keeps it. */
static bool blob_path(const struct view *view, const struct vrift_entry *entry, const char *shards, char *out) {
  if (view->source_length + 128 > PATH_SIZE) return false;
  char *end = append_text(out, view->source);
  if (entry->size == 0) {
    end = append_text(end, "/empty");
  } else {
    end = append_hex(append_text(end, shards), entry->content_hash, 1);
    end = append_hex(append_text(end, "/"), entry->content_hash, sizeof entry->content_hash);
    end = append_decimal(append_text(end, "_"), entry->size);
    end = append_text(end, ".bin");
  }
  *end = 0;
  return true;
}

/*
 * A sweep moves what no list named a moment ago, and puts it back within milliseconds if one names it now; killed in
 * between it leaves that to whoever looks.
 */
static bool taken_back(const struct view *view, const struct vrift_entry *entry, const char *path) {
  char swept[PATH_SIZE];
  if (entry->size == 0 || !blob_path(view, entry, "/trash/", swept)) return false;
  long result = raw5(__NR_renameat2, AT_FDCWD, (long)swept, AT_FDCWD, (long)path, RENAME_NOREPLACE);
  return result == 0 || result == -EEXIST || result == -ENOENT; /* the sweep itself may have been faster */
}

/*
 * What the name promises, as far as one fstat can tell (docs/verify.md): nobody has written to it since it was sealed. One that
 * phantom has not sealed yet still has the time of its file.
 */
static bool is_whole(const struct vrift_entry *entry, const struct stat *st) {
  if ((st->st_mode & S_IFMT) != S_IFREG || (uint64_t)st->st_size != entry->size) return false;
  if (entry->size == 0 || (st->st_mtime == VRIFT_SEAL_SECONDS && st->st_mtime_nsec == 0)) return true;
  return (int64_t)st->st_mtime * 1000000000 + (int64_t)st->st_mtime_nsec == entry->mtime_ns;
}

long blob_open(const struct view *view, const struct vrift_entry *entry, int flags, struct stat *st) {
  char path[PATH_SIZE];
  if (!blob_path(view, entry, "/blake3/", path)) return -EIO;
  int kept = (flags & KEPT_FLAGS) | O_RDONLY | O_NOFOLLOW;
  int fd = (int)raw_openat(AT_FDCWD, path, kept, 0);
  if (fd == -ENOENT && taken_back(view, entry, path)) fd = (int)raw_openat(AT_FDCWD, path, kept, 0);
  /* O_NOATIME is for a file's owner only; the store may be another's, and the flag is a wish. */
  if (fd == -EPERM && (kept & O_NOATIME) != 0) fd = (int)raw_openat(AT_FDCWD, path, kept & ~O_NOATIME, 0);
  if (fd < 0) return fd == -ENOENT || fd == -ELOOP || fd == -ENOTDIR || fd == -EACCES ? -EIO : fd;
  if (raw_fstat(fd, st) == 0 && is_whole(entry, st)) return fd;
  raw_close(fd);
  return -EIO;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool blob_parse(const struct view *view, const char *path, size_t length, uint8_t hash[32], uint64_t *size) {
  static const char prefix[] = "/blake3/";
  const size_t fixed = sizeof prefix - 1 + 3;
  if (length < view->source_length + fixed + 64 + 1 + 1 + 4) return false;
  if (memcmp(path, view->source, view->source_length) != 0) return false;
  const char *at = path + view->source_length;
  if (memcmp(at, prefix, sizeof prefix - 1) != 0) return false;
  at += fixed;
  for (int i = 0; i < 32; i++) {
    int high = hex_digit(at[2 * i]), low = hex_digit(at[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    hash[i] = (uint8_t)(high << 4 | low);
  }
  at += 64;
  if (*at++ != '_') return false;
  *size = 0;
  for (; *at >= '0' && *at <= '9'; at++) *size = *size * 10 + (uint64_t)(*at - '0');
  return text_equal(at, ".bin");
}

#include "staging.h"

#include "bytes.h"

#define NUMBER_TRIES 1000

static uint32_t counter;

static bool staging_path(const struct view *view, uint32_t number, char *out) {
  if (view->root_length + 64 > PATH_SIZE) return false;
  char *end = append_text(append_text(out, view->root), "/.vrift/staging");
  if (number != 0) {
    end = append_decimal(append_text(end, "/"), (uint64_t)raw_getpid());
    end = append_decimal(append_text(end, "."), number);
  }
  *end = 0;
  return true;
}

long staging_open(const struct view *view, struct staged *staged) {
  char path[PATH_SIZE];
  staged->number = 0;
  if (!staging_path(view, 0, path)) return -ENAMETOOLONG;
  staged->fd = (int)raw_openat(AT_FDCWD, path, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
  if (staged->fd == -ENOENT && raw2(__NR_mkdir, (long)path, 0700) == 0)
    staged->fd = (int)raw_openat(AT_FDCWD, path, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
  /* The program's file exists: its own ENOENT would be a lie. */
  if (staged->fd == -ENOENT) return -EIO;
  if (staged->fd != -EOPNOTSUPP && staged->fd != -EISDIR && staged->fd != -EINVAL)
    return staged->fd < 0 ? staged->fd : 0;
  for (int i = 0; i < NUMBER_TRIES; i++) {
    staged->number = __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED);
    if (staged->number == 0) continue;
    staging_path(view, staged->number, path);
    staged->fd = (int)raw_openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (staged->fd != -EEXIST) return staged->fd < 0 ? staged->fd : 0;
  }
  return -EEXIST;
}

long staging_publish(const struct view *view, struct staged *staged, const char *path) {
  char own[PATH_SIZE];
  if (staged->number != 0) {
    staging_path(view, staged->number, own);
    return raw_linkat(AT_FDCWD, own, AT_FDCWD, path, 0);
  }
  *append_decimal(append_text(own, "/proc/self/fd/"), (uint64_t)staged->fd) = 0;
  return raw_linkat(AT_FDCWD, own, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

void staging_drop(const struct view *view, struct staged *staged) {
  char own[PATH_SIZE];
  raw_close(staged->fd);
  if (staged->number == 0) return;
  staging_path(view, staged->number, own);
  raw_unlinkat(AT_FDCWD, own, 0);
}

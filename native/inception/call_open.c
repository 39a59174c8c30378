/* open and its family. A mode is an argument only with O_CREAT or O_TMPFILE; reading it otherwise is harmless here. */
#include <stdarg.h>

#include "errno_slot.h"
#include "vfs.h"

static int open_at(int dirfd, const char *path, int flags, unsigned mode) {
  return (int)answer(vfs_openat(dirfd, path, flags, mode));
}

#define OPEN(name, added) \
  EXPORT int name(const char *path, int flags, ...) { \
    va_list rest; \
    va_start(rest, flags); \
    unsigned mode = va_arg(rest, unsigned); \
    va_end(rest); \
    return open_at(AT_FDCWD, path, flags | (added), mode); \
  }
OPEN(open, 0)
OPEN(__open, 0)
OPEN(open64, O_LARGEFILE)
OPEN(__open64, O_LARGEFILE)

#define OPENAT(name, added) \
  EXPORT int name(int dirfd, const char *path, int flags, ...) { \
    va_list rest; \
    va_start(rest, flags); \
    unsigned mode = va_arg(rest, unsigned); \
    va_end(rest); \
    return open_at(dirfd, path, flags | (added), mode); \
  }
OPENAT(openat, 0)
OPENAT(openat64, O_LARGEFILE)

/* Fortified names: for calls without a mode. */
EXPORT int __open_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
EXPORT int __open64_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags | O_LARGEFILE, 0); }
EXPORT int __openat_2(int dirfd, const char *path, int flags) { return open_at(dirfd, path, flags, 0); }
EXPORT int __openat64_2(int dirfd, const char *path, int flags) { return open_at(dirfd, path, flags | O_LARGEFILE, 0); }

EXPORT int creat(const char *path, unsigned mode) {
  return open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}
EXPORT int creat64(const char *path, unsigned mode) {
  return open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_LARGEFILE, mode);
}

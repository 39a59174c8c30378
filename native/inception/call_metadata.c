/* Mode, owner, times, size and extended attributes, by path and by descriptor. */
#include "errno_slot.h"
#include "vfs.h"

EXPORT int chmod(const char *path, unsigned mode) { return (int)answer(vfs_chmodat(AT_FDCWD, path, mode, 0)); }
EXPORT int lchmod(const char *path, unsigned mode) {
  return (int)answer(vfs_chmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW));
}
EXPORT int fchmodat(int dirfd, const char *path, unsigned mode, int flags) {
  return (int)answer(vfs_chmodat(dirfd, path, mode, flags));
}
EXPORT int fchmod(int fd, unsigned mode) { return (int)answer(vfs_fchmod(fd, mode)); }

EXPORT int chown(const char *path, unsigned uid, unsigned gid) {
  return (int)answer(vfs_chownat(AT_FDCWD, path, uid, gid, 0));
}
EXPORT int lchown(const char *path, unsigned uid, unsigned gid) {
  return (int)answer(vfs_chownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW));
}
EXPORT int fchownat(int dirfd, const char *path, unsigned uid, unsigned gid, int flags) {
  return (int)answer(vfs_chownat(dirfd, path, uid, gid, flags));
}
EXPORT int fchown(int fd, unsigned uid, unsigned gid) { return (int)answer(vfs_fchown(fd, uid, gid)); }

struct seconds_and_micros {
  int64_t seconds, micros;
};
struct two_seconds {
  int64_t access, change;
};

static const struct __kernel_timespec *from_micros(const struct seconds_and_micros from[2],
                                                   struct __kernel_timespec to[2], bool *valid) {
  *valid = true;
  if (from == 0) return 0;
  for (int i = 0; i < 2; i++) {
    if (from[i].micros < 0 || from[i].micros >= 1000000) *valid = false;
    to[i].tv_sec = from[i].seconds;
    to[i].tv_nsec = from[i].micros * 1000;
  }
  return to;
}

static int set_times(int dirfd, const char *path, const struct seconds_and_micros times[2], int flags) {
  struct __kernel_timespec converted[2];
  bool valid;
  const struct __kernel_timespec *pair = from_micros(times, converted, &valid);
  return (int)answer(valid ? vfs_utimensat(dirfd, path, pair, flags) : -EINVAL);
}

EXPORT int utimensat(int dirfd, const char *path, const struct __kernel_timespec times[2], int flags) {
  /* libc's rule; the system call would take it for futimens. */
  if (path == 0) return (int)answer(-EINVAL);
  return (int)answer(vfs_utimensat(dirfd, path, times, flags));
}
EXPORT int futimens(int fd, const struct __kernel_timespec times[2]) {
  return (int)answer(fd < 0 ? -EBADF : vfs_utimensat(fd, 0, times, 0));
}
EXPORT int utimes(const char *path, const struct seconds_and_micros times[2]) {
  return set_times(AT_FDCWD, path, times, 0);
}
EXPORT int lutimes(const char *path, const struct seconds_and_micros times[2]) {
  return set_times(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}
EXPORT int futimes(int fd, const struct seconds_and_micros times[2]) { return set_times(fd, 0, times, 0); }
EXPORT int futimesat(int dirfd, const char *path, const struct seconds_and_micros times[2]) {
  return set_times(dirfd, path, times, 0);
}
EXPORT int utime(const char *path, const struct two_seconds *times) {
  struct __kernel_timespec pair[2] = {{0, 0}, {0, 0}};
  if (times == 0) return (int)answer(vfs_utimensat(AT_FDCWD, path, 0, 0));
  pair[0].tv_sec = times->access;
  pair[1].tv_sec = times->change;
  return (int)answer(vfs_utimensat(AT_FDCWD, path, pair, 0));
}

EXPORT int truncate(const char *path, long length) { return (int)answer(vfs_truncate(path, length)); }
EXPORT int truncate64(const char *path, long length) { return (int)answer(vfs_truncate(path, length)); }

EXPORT ssize getxattr(const char *path, const char *name, void *value, size_t size) {
  return answer(vfs_getxattr(path, name, value, size, true));
}
EXPORT ssize lgetxattr(const char *path, const char *name, void *value, size_t size) {
  return answer(vfs_getxattr(path, name, value, size, false));
}
EXPORT ssize listxattr(const char *path, char *list, size_t size) {
  return answer(vfs_listxattr(path, list, size, true));
}
EXPORT ssize llistxattr(const char *path, char *list, size_t size) {
  return answer(vfs_listxattr(path, list, size, false));
}
EXPORT int setxattr(const char *path, const char *name, const void *value, size_t size, int flags) {
  return (int)answer(vfs_setxattr(path, name, value, size, flags, true));
}
EXPORT int lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags) {
  return (int)answer(vfs_setxattr(path, name, value, size, flags, false));
}
EXPORT int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags) {
  return (int)answer(vfs_fsetxattr(fd, name, value, size, flags));
}
EXPORT int removexattr(const char *path, const char *name) {
  return (int)answer(vfs_removexattr(path, name, true));
}
EXPORT int lremovexattr(const char *path, const char *name) {
  return (int)answer(vfs_removexattr(path, name, false));
}
EXPORT int fremovexattr(int fd, const char *name) { return (int)answer(vfs_fremovexattr(fd, name)); }

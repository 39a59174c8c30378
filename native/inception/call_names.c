/* Names that come, go and move. */
#include "errno_slot.h"
#include "vfs.h"

EXPORT int unlink(const char *path) { return (int)answer(vfs_unlinkat(AT_FDCWD, path, 0)); }
EXPORT int unlinkat(int dirfd, const char *path, int flags) { return (int)answer(vfs_unlinkat(dirfd, path, flags)); }
EXPORT int rmdir(const char *path) { return (int)answer(vfs_unlinkat(AT_FDCWD, path, AT_REMOVEDIR)); }
EXPORT int remove(const char *path) {
  long result = vfs_unlinkat(AT_FDCWD, path, 0);
  if (result == -EISDIR) result = vfs_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
  return (int)answer(result);
}

EXPORT int rename(const char *from, const char *to) {
  return (int)answer(vfs_renameat(AT_FDCWD, from, AT_FDCWD, to, 0));
}
EXPORT int renameat(int from_fd, const char *from, int to_fd, const char *to) {
  return (int)answer(vfs_renameat(from_fd, from, to_fd, to, 0));
}
EXPORT int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) {
  return (int)answer(vfs_renameat(from_fd, from, to_fd, to, flags));
}

EXPORT int link(const char *from, const char *to) {
  return (int)answer(vfs_linkat(AT_FDCWD, from, AT_FDCWD, to, 0));
}
EXPORT int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
  return (int)answer(vfs_linkat(from_fd, from, to_fd, to, flags));
}
EXPORT int symlink(const char *target, const char *path) {
  return (int)answer(vfs_symlinkat(target, AT_FDCWD, path));
}
EXPORT int symlinkat(const char *target, int dirfd, const char *path) {
  return (int)answer(vfs_symlinkat(target, dirfd, path));
}

EXPORT int mkdir(const char *path, unsigned mode) { return (int)answer(vfs_mkdirat(AT_FDCWD, path, mode)); }
EXPORT int mkdirat(int dirfd, const char *path, unsigned mode) { return (int)answer(vfs_mkdirat(dirfd, path, mode)); }

EXPORT int mknod(const char *path, unsigned mode, uint64_t device) {
  return (int)answer(vfs_mknodat(AT_FDCWD, path, mode, device));
}
EXPORT int mknodat(int dirfd, const char *path, unsigned mode, uint64_t device) {
  return (int)answer(vfs_mknodat(dirfd, path, mode, device));
}
EXPORT int __xmknod(int version, const char *path, unsigned mode, uint64_t *device) {
  (void)version;
  return (int)answer(vfs_mknodat(AT_FDCWD, path, mode, *device));
}
EXPORT int __xmknodat(int version, int dirfd, const char *path, unsigned mode, uint64_t *device) {
  (void)version;
  return (int)answer(vfs_mknodat(dirfd, path, mode, *device));
}
EXPORT int mkfifo(const char *path, unsigned mode) {
  return (int)answer(vfs_mknodat(AT_FDCWD, path, mode | S_IFIFO, 0));
}
EXPORT int mkfifoat(int dirfd, const char *path, unsigned mode) {
  return (int)answer(vfs_mknodat(dirfd, path, mode | S_IFIFO, 0));
}

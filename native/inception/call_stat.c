/* stat and its family, old names (__xstat …) included: they are live in today's binaries. */
#include "errno_slot.h"
#include "libc.h"
#include "vfs.h"

#define STAT(name, call) \
  EXPORT int name(const char *path, struct stat *st) { return (int)answer(call); } \
  EXPORT int name##64(const char *path, struct stat *st) { return (int)answer(call); }
STAT(stat, vfs_statat(AT_FDCWD, path, st, 0))
STAT(lstat, vfs_statat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW))

#define FSTAT(name) \
  EXPORT int name(int fd, struct stat *st) { return (int)answer(vfs_fstat(fd, st)); }
FSTAT(fstat)
FSTAT(fstat64)

#define FSTATAT(name) \
  EXPORT int name(int dirfd, const char *path, struct stat *st, int flags) { \
    return (int)answer(vfs_statat(dirfd, path, st, flags)); \
  }
FSTATAT(fstatat)
FSTATAT(fstatat64)

/* `version` says which struct stat the caller was compiled with; on x86_64 there has been one. */
#define XSTAT(name, call) \
  EXPORT int name(int version, const char *path, struct stat *st) { \
    (void)version; \
    return (int)answer(call); \
  }
XSTAT(__xstat, vfs_statat(AT_FDCWD, path, st, 0))
XSTAT(__xstat64, vfs_statat(AT_FDCWD, path, st, 0))
XSTAT(__lxstat, vfs_statat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW))
XSTAT(__lxstat64, vfs_statat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW))

#define FXSTAT(name) \
  EXPORT int name(int version, int fd, struct stat *st) { \
    (void)version; \
    return (int)answer(vfs_fstat(fd, st)); \
  }
FXSTAT(__fxstat)
FXSTAT(__fxstat64)

#define FXSTATAT(name) \
  EXPORT int name(int version, int dirfd, const char *path, struct stat *st, int flags) { \
    (void)version; \
    return (int)answer(vfs_statat(dirfd, path, st, flags)); \
  }
FXSTATAT(__fxstatat)
FXSTATAT(__fxstatat64)

EXPORT int statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *st) {
  return (int)answer(vfs_statx(dirfd, path, flags, mask, st));
}

EXPORT int access(const char *path, int mode) { return (int)answer(vfs_access(path, mode)); }
EXPORT int faccessat(int dirfd, const char *path, int mode, int flags) {
  return (int)answer(vfs_accessat(dirfd, path, mode, flags));
}
EXPORT int eaccess(const char *path, int mode) {
  return (int)answer(vfs_accessat(AT_FDCWD, path, mode, AT_EACCESS));
}
EXPORT int euidaccess(const char *path, int mode) {
  return (int)answer(vfs_accessat(AT_FDCWD, path, mode, AT_EACCESS));
}

EXPORT ssize readlink(const char *path, char *out, size_t size) {
  return answer(vfs_readlinkat(AT_FDCWD, path, out, size));
}
EXPORT ssize readlinkat(int dirfd, const char *path, char *out, size_t size) {
  return answer(vfs_readlinkat(dirfd, path, out, size));
}

/* Fortified names: a size over the buffer's ends the program, by libc's own hand. */
EXPORT ssize __readlink_chk(const char *path, char *out, size_t size, size_t room) {
  typedef ssize (*checked)(const char *, char *, size_t, size_t);
  checked real = size > room ? LIBC(checked, "__readlink_chk") : 0;
  return real ? real(path, out, size, room) : answer(vfs_readlinkat(AT_FDCWD, path, out, size));
}
EXPORT ssize __readlinkat_chk(int dirfd, const char *path, char *out, size_t size, size_t room) {
  typedef ssize (*checked)(int, const char *, char *, size_t, size_t);
  checked real = size > room ? LIBC(checked, "__readlinkat_chk") : 0;
  return real ? real(dirfd, path, out, size, room) : answer(vfs_readlinkat(dirfd, path, out, size));
}

/* libc's formula. */
EXPORT int ftok(const char *path, int project) {
  struct stat st;
  if (answer(vfs_statat(AT_FDCWD, path, &st, 0)) != 0) return -1;
  return (int)((st.st_ino & 0xffff) | (st.st_dev & 0xff) << 16 | ((uint64_t)project & 0xff) << 24);
}

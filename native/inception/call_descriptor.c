/* Copies of descriptors, locks, and the calls that change where the process is. */
#include <stdarg.h>

#include "cwd.h"
#include "errno_slot.h"
#include "libc.h"
#include "swap.h"
#include "vfs.h"

EXPORT int dup(int fd) { return (int)answer(vfs_dup(fd)); }
EXPORT int dup2(int fd, int to) { return (int)answer(vfs_dup2(fd, to)); }
EXPORT int __dup2(int fd, int to) { return (int)answer(vfs_dup2(fd, to)); }
EXPORT int dup3(int fd, int to, int flags) { return (int)answer(vfs_dup3(fd, to, flags)); }
EXPORT int flock(int fd, int operation) { return (int)answer(vfs_flock(fd, operation)); }

#define FCNTL(name) \
  EXPORT int name(int fd, int command, ...) { \
    va_list rest; \
    va_start(rest, command); \
    long argument = va_arg(rest, long); \
    va_end(rest); \
    return (int)answer(vfs_fcntl(fd, command, argument)); \
  }
FCNTL(fcntl)
FCNTL(fcntl64)
FCNTL(__fcntl)

/* libc asks the kernel itself: the descriptor must be the file's before that. */
#define LOCKF(name) \
  EXPORT int name(int fd, int command, long size) { \
    int (*real)(int, int, long) = LIBC(int (*)(int, int, long), #name); \
    const struct view *view = view_current(); \
    long swapped = view != 0 ? swap_descriptor(view, fd) : 0; \
    if (swapped != 0) return (int)answer(swapped); \
    return real ? real(fd, command, size) : (int)answer(-ENOSYS); \
  }
LOCKF(lockf)
LOCKF(lockf64)

EXPORT int chdir(const char *path) { return (int)answer(vfs_chdir(path)); }
EXPORT int fchdir(int fd) { return (int)answer(vfs_fchdir(fd)); }
EXPORT int chroot(const char *path) { return (int)answer(vfs_chroot(path)); }
EXPORT int unshare(int flags) { return (int)answer(vfs_unshare(flags)); }
EXPORT int setns(int fd, int type) { return (int)answer(vfs_setns(fd, type)); }

EXPORT int inotify_add_watch(int fd, const char *path, unsigned mask) {
  return (int)answer(vfs_inotify_add_watch(fd, path, mask));
}
EXPORT int fanotify_mark(int fd, unsigned flags, uint64_t mask, int dirfd, const char *path) {
  return (int)answer(vfs_fanotify_mark(fd, flags, mask, dirfd, path));
}
EXPORT int name_to_handle_at(int dirfd, const char *path, void *handle, int *mount, int flags) {
  return (int)answer(vfs_name_to_handle_at(dirfd, path, handle, mount, flags));
}
EXPORT int bind(int fd, const void *address, unsigned length) { return (int)answer(vfs_bind(fd, address, length)); }

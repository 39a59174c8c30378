/* Every call of vfs.h, from the front ends through here to its own function: linked with --wrap (Makefile). */
#include "../inception/vfs.h"
#include "observe.h"

#define NONE ((struct operand){NO_DESCRIPTOR, 0})
#define BY_PATH(path) ((struct operand){NO_DESCRIPTOR, path})
#define BY_FD(fd) ((struct operand){fd, 0})
#define AT(fd, path) ((struct operand){fd, path})

#define ARGUMENTS(...) __VA_ARGS__
#define WRAP(call, parameters, arguments, first, second) \
  long __real_vfs_##call(parameters); \
  long __wrap_vfs_##call(parameters) { \
    struct noted before = observe_begin(CALL_##call); \
    long result = __real_vfs_##call(arguments); \
    observe_end(before, &result, first, second); \
    return result; \
  }

WRAP(statat, ARGUMENTS(int fd, const char *path, struct stat *st, int flags), ARGUMENTS(fd, path, st, flags), AT(fd, path), NONE)
WRAP(fstat, ARGUMENTS(int fd, struct stat *st), ARGUMENTS(fd, st), BY_FD(fd), NONE)
WRAP(statx, ARGUMENTS(int fd, const char *path, int flags, unsigned mask, struct statx *st), ARGUMENTS(fd, path, flags, mask, st), AT(fd, path), NONE)
WRAP(accessat, ARGUMENTS(int fd, const char *path, int mode, int flags), ARGUMENTS(fd, path, mode, flags), AT(fd, path), NONE)
WRAP(access, ARGUMENTS(const char *path, int mode), ARGUMENTS(path, mode), BY_PATH(path), NONE)
WRAP(readlinkat, ARGUMENTS(int fd, const char *path, char *out, size_t size), ARGUMENTS(fd, path, out, size), AT(fd, path), NONE)
WRAP(statfs, ARGUMENTS(const char *path, struct statfs *out), ARGUMENTS(path, out), BY_PATH(path), NONE)
WRAP(getxattr, ARGUMENTS(const char *path, const char *name, void *value, size_t size, bool follow), ARGUMENTS(path, name, value, size, follow), BY_PATH(path), NONE)
WRAP(listxattr, ARGUMENTS(const char *path, char *list, size_t size, bool follow), ARGUMENTS(path, list, size, follow), BY_PATH(path), NONE)
WRAP(setxattr, ARGUMENTS(const char *path, const char *name, const void *value, size_t size, int flags, bool follow), ARGUMENTS(path, name, value, size, flags, follow), BY_PATH(path), NONE)
WRAP(removexattr, ARGUMENTS(const char *path, const char *name, bool follow), ARGUMENTS(path, name, follow), BY_PATH(path), NONE)
WRAP(openat, ARGUMENTS(int fd, const char *path, int flags, unsigned mode), ARGUMENTS(fd, path, flags, mode), AT(fd, path), NONE)
WRAP(openat2, ARGUMENTS(int fd, const char *path, const struct open_how *how, size_t size), ARGUMENTS(fd, path, how, size), AT(fd, path), NONE)
WRAP(unlinkat, ARGUMENTS(int fd, const char *path, int flags), ARGUMENTS(fd, path, flags), AT(fd, path), NONE)
WRAP(renameat, ARGUMENTS(int fd, const char *from, int to_fd, const char *to, unsigned flags), ARGUMENTS(fd, from, to_fd, to, flags), AT(fd, from), AT(to_fd, to))
WRAP(linkat, ARGUMENTS(int fd, const char *from, int to_fd, const char *to, int flags), ARGUMENTS(fd, from, to_fd, to, flags), AT(fd, from), AT(to_fd, to))
WRAP(symlinkat, ARGUMENTS(const char *target, int fd, const char *path), ARGUMENTS(target, fd, path), BY_PATH(target), AT(fd, path))
WRAP(mkdirat, ARGUMENTS(int fd, const char *path, unsigned mode), ARGUMENTS(fd, path, mode), AT(fd, path), NONE)
WRAP(mknodat, ARGUMENTS(int fd, const char *path, unsigned mode, uint64_t device), ARGUMENTS(fd, path, mode, device), AT(fd, path), NONE)
WRAP(bind, ARGUMENTS(int fd, const void *address, unsigned length), ARGUMENTS(fd, address, length), BY_FD(fd), NONE)
WRAP(chmodat, ARGUMENTS(int fd, const char *path, unsigned mode, int flags), ARGUMENTS(fd, path, mode, flags), AT(fd, path), NONE)
WRAP(chownat, ARGUMENTS(int fd, const char *path, unsigned uid, unsigned gid, int flags), ARGUMENTS(fd, path, uid, gid, flags), AT(fd, path), NONE)
WRAP(utimensat, ARGUMENTS(int fd, const char *path, const struct __kernel_timespec times[2], int flags), ARGUMENTS(fd, path, times, flags), AT(fd, path), NONE)
WRAP(truncate, ARGUMENTS(const char *path, long length), ARGUMENTS(path, length), BY_PATH(path), NONE)
WRAP(dup, ARGUMENTS(int fd), ARGUMENTS(fd), BY_FD(fd), NONE)
WRAP(dup3, ARGUMENTS(int fd, int to, int flags), ARGUMENTS(fd, to, flags), BY_FD(fd), BY_FD(to))
WRAP(dup2, ARGUMENTS(int fd, int to), ARGUMENTS(fd, to), BY_FD(fd), BY_FD(to))
WRAP(fcntl, ARGUMENTS(int fd, int command, long argument), ARGUMENTS(fd, command, argument), BY_FD(fd), NONE)
WRAP(flock, ARGUMENTS(int fd, int operation), ARGUMENTS(fd, operation), BY_FD(fd), NONE)
WRAP(fchmod, ARGUMENTS(int fd, unsigned mode), ARGUMENTS(fd, mode), BY_FD(fd), NONE)
WRAP(fchown, ARGUMENTS(int fd, unsigned uid, unsigned gid), ARGUMENTS(fd, uid, gid), BY_FD(fd), NONE)
WRAP(fsetxattr, ARGUMENTS(int fd, const char *name, const void *value, size_t size, int flags), ARGUMENTS(fd, name, value, size, flags), BY_FD(fd), NONE)
WRAP(fremovexattr, ARGUMENTS(int fd, const char *name), ARGUMENTS(fd, name), BY_FD(fd), NONE)
WRAP(getdents64, ARGUMENTS(int fd, void *out, size_t size), ARGUMENTS(fd, out, size), BY_FD(fd), NONE)
WRAP(chdir, ARGUMENTS(const char *path), ARGUMENTS(path), BY_PATH(path), NONE)
WRAP(fchdir, ARGUMENTS(int fd), ARGUMENTS(fd), BY_FD(fd), NONE)
WRAP(chroot, ARGUMENTS(const char *path), ARGUMENTS(path), BY_PATH(path), NONE)
WRAP(unshare, ARGUMENTS(int flags), ARGUMENTS(flags), NONE, NONE)
WRAP(setns, ARGUMENTS(int fd, int type), ARGUMENTS(fd, type), BY_FD(fd), NONE)
WRAP(inotify_add_watch, ARGUMENTS(int fd, const char *path, unsigned mask), ARGUMENTS(fd, path, mask), AT(fd, path), NONE)
WRAP(fanotify_mark, ARGUMENTS(int fd, unsigned flags, uint64_t mask, int dirfd, const char *path), ARGUMENTS(fd, flags, mask, dirfd, path), BY_FD(fd), AT(dirfd, path))
WRAP(name_to_handle_at, ARGUMENTS(int fd, const char *path, void *handle, int *mount, int flags), ARGUMENTS(fd, path, handle, mount, flags), AT(fd, path), NONE)
WRAP(spawn, ARGUMENTS(const struct spawning *call), ARGUMENTS(call), BY_PATH(call->path), NONE)
WRAP(realpath, ARGUMENTS(const char *path, char *out, char *(*real)(const char *, char *), char **found), ARGUMENTS(path, out, real, found), BY_PATH(path), NONE)

/* Before the call is made, because a child of vfork comes back to where its parent is. */
long __real_vfs_fork(void);
long __wrap_vfs_fork(void) {
  struct noted before = observe_begin(CALL_fork);
  long result = __real_vfs_fork();
  observe_end(before, 0, NONE, NONE);
  return result;
}

/*
 * Does not come back when it succeeds, and in a child of vfork this thread's notes are the parent's: they are left alone.
 */
long __real_vfs_execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags);
long __wrap_vfs_execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags) {
  observe_exec(AT(fd, path));
  long result = __real_vfs_execveat(fd, path, argv, envp, flags);
  observe_exec_failed(result, AT(fd, path));
  return result;
}

/*
 * Every intercepted call, in its general form (at-style), behind any front end: the exported symbols (call_*.c), `syscall()`,
 * and whatever may come. Values are the kernel's: a result, or -errno. Buffers are the kernel's structures.
 */
#ifndef VRIFT_VFS_H
#define VRIFT_VFS_H

#include "kernel.h"

/* Attributes */
long vfs_statat(int dirfd, const char *path, struct stat *st, int flags);
long vfs_fstat(int fd, struct stat *st);
long vfs_statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *st);
long vfs_accessat(int dirfd, const char *path, int mode, int flags);
long vfs_access(const char *path, int mode);
long vfs_readlinkat(int dirfd, const char *path, char *out, size_t size);
long vfs_statfs(const char *path, struct statfs *out);
long vfs_getxattr(const char *path, const char *name, void *value, size_t size, bool follow);
long vfs_listxattr(const char *path, char *list, size_t size, bool follow);
long vfs_setxattr(const char *path, const char *name, const void *value, size_t size, int flags, bool follow);
long vfs_removexattr(const char *path, const char *name, bool follow);

/* Opening */
long vfs_openat(int dirfd, const char *path, int flags, unsigned mode);
long vfs_openat2(int dirfd, const char *path, const struct open_how *how, size_t size);

/* Names */
long vfs_unlinkat(int dirfd, const char *path, int flags);
long vfs_renameat(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
long vfs_linkat(int from_fd, const char *from, int to_fd, const char *to, int flags);
long vfs_symlinkat(const char *target, int dirfd, const char *path);
long vfs_mkdirat(int dirfd, const char *path, unsigned mode);
long vfs_mknodat(int dirfd, const char *path, unsigned mode, uint64_t device);
long vfs_bind(int fd, const void *address, unsigned length);

/* Changes of attributes; `flags` of AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH */
long vfs_chmodat(int dirfd, const char *path, unsigned mode, int flags);
long vfs_chownat(int dirfd, const char *path, unsigned uid, unsigned gid, int flags);
long vfs_utimensat(int dirfd, const char *path, const struct __kernel_timespec times[2], int flags);
long vfs_truncate(const char *path, long length);

/* Descriptors */
long vfs_dup(int fd);
long vfs_dup3(int fd, int to, int flags);
long vfs_dup2(int fd, int to);
long vfs_fcntl(int fd, int command, long argument);
long vfs_flock(int fd, int operation);
long vfs_fchmod(int fd, unsigned mode);
long vfs_fchown(int fd, unsigned uid, unsigned gid);
long vfs_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags);
long vfs_fremovexattr(int fd, const char *name);
long vfs_getdents64(int fd, void *out, size_t size);

/* Where the process is */
long vfs_chdir(const char *path);
long vfs_fchdir(int fd);
long vfs_chroot(const char *path);
long vfs_unshare(int flags);
long vfs_setns(int fd, int type);

/* Programs; only returns on failure */
long vfs_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags);

/* Before fork, vfork, system and popen: what the child inherits of this process's own openings is moved to the files. */
long vfs_fork(void);

struct spawning {
  int *pid;
  const char *path;
  const void *actions, *attributes;
  char *const *argv, *const *envp;
  int (*real)(int *, const char *, const void *, const void *, char *const *, char *const *); /* libc's */
  bool searches;                                                                                /* posix_spawnp */
  bool opens; /* its actions may open files for writing in the child */
};
/* The child's number, or -errno. */
long vfs_spawn(const struct spawning *call);

/* 0 and what libc gives back, or what is made by the program's malloc, in `*found`. */
long vfs_realpath(const char *path, char *out, char *(*real)(const char *, char *), char **found);

/* Others that take a path */
long vfs_inotify_add_watch(int fd, const char *path, unsigned mask);
long vfs_fanotify_mark(int fd, unsigned flags, uint64_t mask, int dirfd, const char *path);
long vfs_name_to_handle_at(int dirfd, const char *path, void *handle, int *mount, int flags);

#endif

/*
 * The file of counters that `vrift run --stats` makes and every program of the run maps: additions only, each atomic, so nothing is
 * lost with a program that is killed. Shared by the observed library and the launcher.
 */
#ifndef VRIFT_COUNTERS_H
#define VRIFT_COUNTERS_H

#include <stdint.h>

#include "../inception/because.h"

/* X(name of vfs_…, the kernel's name) */
#define VRIFT_CALLS(X) \
  X(statat, "fstatat") \
  X(fstat, "fstat") \
  X(statx, "statx") \
  X(accessat, "faccessat") \
  X(access, "access") \
  X(readlinkat, "readlinkat") \
  X(statfs, "statfs") \
  X(getxattr, "getxattr") \
  X(listxattr, "listxattr") \
  X(setxattr, "setxattr") \
  X(removexattr, "removexattr") \
  X(openat, "openat") \
  X(openat2, "openat2") \
  X(unlinkat, "unlinkat") \
  X(renameat, "renameat") \
  X(linkat, "linkat") \
  X(symlinkat, "symlinkat") \
  X(mkdirat, "mkdirat") \
  X(mknodat, "mknodat") \
  X(bind, "bind") \
  X(chmodat, "fchmodat") \
  X(chownat, "fchownat") \
  X(utimensat, "utimensat") \
  X(truncate, "truncate") \
  X(dup, "dup") \
  X(dup3, "dup3") \
  X(dup2, "dup2") \
  X(fcntl, "fcntl") \
  X(flock, "flock") \
  X(fchmod, "fchmod") \
  X(fchown, "fchown") \
  X(fsetxattr, "fsetxattr") \
  X(fremovexattr, "fremovexattr") \
  X(getdents64, "getdents64") \
  X(chdir, "chdir") \
  X(fchdir, "fchdir") \
  X(chroot, "chroot") \
  X(unshare, "unshare") \
  X(setns, "setns") \
  X(execveat, "execve") \
  X(fork, "fork") \
  X(spawn, "posix_spawn") \
  X(realpath, "realpath") \
  X(inotify_add_watch, "inotify_add_watch") \
  X(fanotify_mark, "fanotify_mark") \
  X(name_to_handle_at, "name_to_handle_at")

#define VRIFT_CALL_NAME(name, text) CALL_##name,
/* CALL_beyond: what happens outside of these. */
enum call { CALL_beyond, VRIFT_CALLS(VRIFT_CALL_NAME) CALL_COUNT };

#define VRIFT_COUNTERS_MAGIC 0x31736e756f637276ull /* "vrcouns1" */

struct counters {
  uint64_t magic;
  uint64_t programs; /* that the library came to life in */
  uint64_t statics;  /* started, and not to be entered */
  uint64_t daemon;   /* questions of `vrift run` to the daemon */
  uint64_t answered[CALL_COUNT][BECAUSE_COUNT];
  uint64_t entries[CALL_COUNT];  /* of these: the kernel was asked, and the entry answered */
  uint64_t hydrated[CALL_COUNT]; /* private copies made during these */
};

#endif

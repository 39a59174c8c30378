/* Attributes by path. A virtual file becomes physical first; on a descriptor of a blob, the descriptor is swapped. */
#include "bytes.h"
#include "change.h"
#include "look.h"
#include "openings.h"
#include "swap.h"
#include "vfs.h"
#include "watched.h"

/* As libc does it where the kernel has no fchmodat2. */
static long chmod_without_following(int dirfd, const char *path, unsigned mode) {
  char name[32];
  struct stat st;
  int fd = (int)raw_openat(dirfd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  long result = raw_fstat(fd, &st);
  if (result == 0 && (st.st_mode & S_IFMT) == S_IFLNK) result = -EOPNOTSUPP;
  *append_decimal(append_text(name, "/proc/self/fd/"), (uint64_t)fd) = 0;
  if (result == 0) result = raw2(__NR_chmod, (long)name, mode);
  raw_close(fd);
  return result;
}

long vfs_chmodat(int dirfd, const char *path, unsigned mode, int flags) {
  struct real_call call = {__NR_fchmodat2, dirfd, (long)path, mode, flags, 0};
  if (flags == 0) call.number = __NR_fchmodat;
  if ((flags & AT_EMPTY_PATH) != 0 && readable(path) && path[0] == 0) return change_descriptor(dirfd, &call);
  long result = change_file(dirfd, path, (flags & AT_SYMLINK_NOFOLLOW) == 0, &call);
  if (result == -ENOSYS && flags == AT_SYMLINK_NOFOLLOW) return chmod_without_following(dirfd, path, mode);
  return result;
}

long vfs_chownat(int dirfd, const char *path, unsigned uid, unsigned gid, int flags) {
  const struct view *view = view_current();
  struct real_call call = {__NR_fchownat, dirfd, (long)path, uid, gid, flags};
  if (view != 0 && (flags & AT_EMPTY_PATH) != 0 && readable(path) && path[0] == 0) return change_descriptor(dirfd, &call);
  return change_file(dirfd, path, (flags & AT_SYMLINK_NOFOLLOW) == 0, &call);
}

long vfs_utimensat(int dirfd, const char *path, const struct __kernel_timespec times[2], int flags) {
  const struct view *view = view_current();
  struct real_call call = {__NR_utimensat, dirfd, (long)path, (long)times, flags, 0};
  /* Without a path it is futimens. */
  if (view != 0 && (path == 0 || (readable(path) && path[0] == 0))) return change_descriptor(dirfd, &call);
  return change_file(dirfd, path, (flags & AT_SYMLINK_NOFOLLOW) == 0, &call);
}

long vfs_truncate(const char *path, long length) {
  struct real_call call = {__NR_truncate, (long)path, length, 0, 0, 0};
  return change_file(AT_FDCWD, path, true, &call);
}

long vfs_setxattr(const char *path, const char *name, const void *value, size_t size, int flags, bool follow) {
  struct real_call call = {follow ? __NR_setxattr : __NR_lsetxattr, (long)path,  (long)name,
                           (long)value,                            (long)size, flags};
  return change_file(AT_FDCWD, path, follow, &call);
}

long vfs_removexattr(const char *path, const char *name, bool follow) {
  struct real_call call = {follow ? __NR_removexattr : __NR_lremovexattr, (long)path, (long)name, 0, 0, 0};
  return change_file(AT_FDCWD, path, follow, &call);
}

long vfs_inotify_add_watch(int fd, const char *path, unsigned mask) {
  struct real_call call = {__NR_inotify_add_watch, fd, (long)path, mask, 0, 0};
  const unsigned dont_follow = 0x02000000;
  const struct view *view = view_current();
  struct place place;
  struct vrift_entry entry;
  /* It may hear of a change before the index says so, and would find its event untrue. */
  if (view != 0 && view->solid) {
    view_distrust();
    return make_real_call(&call);
  }
  bool was_virtual = view != 0 && readable(path) &&
                     look_again(view, AT_FDCWD, path, (mask & dont_follow) == 0, &place, &entry) == 0;
  if (view != 0 && !was_virtual && readable(path)) watched_note(view, AT_FDCWD, path, (mask & dont_follow) == 0);
  long result = change_file(AT_FDCWD, path, (mask & dont_follow) == 0, &call);
  /* Who waits for changes of a file it has open (tail -f) wants to read them, too. */
  if (was_virtual && result >= 0) openings_follow(view, place.hash);
  return result;
}

long vfs_fanotify_mark(int fd, unsigned flags, uint64_t mask, int dirfd, const char *path) {
  struct real_call call = {__NR_fanotify_mark, fd, flags, (long)mask, dirfd, (long)path};
  const unsigned dont_follow = 0x04;
  const struct view *view = view_current();
  if (view != 0 && view->solid) view_distrust();
  if (path == 0 || (view != 0 && view->solid)) return make_real_call(&call);
  if (view != 0 && readable(path)) watched_note(view, dirfd, path, (flags & dont_follow) == 0);
  return change_file(dirfd, path, (flags & dont_follow) == 0, &call);
}

long vfs_name_to_handle_at(int dirfd, const char *path, void *handle, int *mount, int flags) {
  struct real_call call = {__NR_name_to_handle_at, dirfd, (long)path, (long)handle, (long)mount, flags};
  if ((flags & AT_EMPTY_PATH) != 0) return make_real_call(&call);
  return change_file(dirfd, path, (flags & AT_SYMLINK_FOLLOW) != 0, &call);
}

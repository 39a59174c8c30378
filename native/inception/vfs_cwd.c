#include "cwd.h"
#include "look.h"
#include "vfs.h"

long vfs_chdir(const char *path) {
  const struct view *view = view_current();
  struct place place;
  struct vrift_entry entry;
  cwd_changing();
  long result = raw1(__NR_chdir, (long)path);
  cwd_changed();
  /* Directories are physical; only the error for a virtual file is not what the kernel thinks. */
  if (result == -ENOENT && view != 0 && readable(path) &&
      look_again(view, AT_FDCWD, path, true, &place, &entry) != -ENOENT)
    return -ENOTDIR;
  return result;
}

long vfs_fchdir(int fd) {
  cwd_changing();
  long result = raw1(__NR_fchdir, fd);
  cwd_changed();
  return result;
}

long vfs_chroot(const char *path) {
  cwd_changing();
  long result = raw1(__NR_chroot, (long)path);
  cwd_changed();
  if (result == 0) view_check_root();
  return result;
}

/* Threads may no longer share a working directory, or not this tree. */
long vfs_unshare(int flags) {
  cwd_forget_for_ever();
  long result = raw1(__NR_unshare, flags);
  if (result == 0) view_check_root();
  return result;
}

long vfs_setns(int fd, int type) {
  cwd_forget_for_ever();
  long result = raw2(__NR_setns, fd, type);
  if (result == 0) view_check_root();
  return result;
}

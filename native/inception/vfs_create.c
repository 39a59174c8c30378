/* New names: mkdir, symlink, mknod, link. */
#include "bytes.h"
#include "change.h"
#include "descriptor_names.h"
#include "descriptors.h"
#include "hydrate.h"
#include "swap.h"
#include "target.h"
#include "vfs.h"

long vfs_mkdirat(int dirfd, const char *path, unsigned mode) {
  struct real_call call = {__NR_mkdirat, dirfd, (long)path, mode, 0, 0};
  return change_new_name(dirfd, path, &call);
}

long vfs_symlinkat(const char *target, int dirfd, const char *path) {
  struct real_call call = {__NR_symlinkat, (long)target, dirfd, (long)path, 0, 0};
  return change_new_name(dirfd, path, &call);
}

long vfs_mknodat(int dirfd, const char *path, unsigned mode, uint64_t device) {
  struct real_call call = {__NR_mknodat, dirfd, (long)path, mode, (long)device, 0};
  return change_new_name(dirfd, path, &call);
}

/* A descriptor of a blob as the source: the file it stands for is linked, never the blob. */
static long link_descriptor(const struct view *view, const struct vrift_entry *entry, int to_fd, const char *to) {
  char real[PATH_SIZE];
  long result = swap_path(view, entry, real);
  if (result != 0) return result;
  struct real_call call = {__NR_linkat, AT_FDCWD, (long)real, to_fd, (long)to, 0};
  return change_new_name(to_fd, to, &call);
}

/* The kernel looks for the source before it looks at anything else, and so must its errors come. */
static long source_error(const struct view *view, int dirfd, const char *path, int flags) {
  struct stat st;
  int follow = (flags & AT_SYMLINK_FOLLOW) != 0 ? 0 : AT_SYMLINK_NOFOLLOW;
  return look_error(view, dirfd, path, follow == 0 ? FOLLOW : FOLLOW_SLASH, raw_statat(dirfd, path, &st, follow));
}

long vfs_linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
  const struct view *view = view_current();
  struct real_call call = {__NR_linkat, from_fd, (long)from, to_fd, (long)to, flags};
  struct target target;
  struct vrift_entry entry;
  if (view == 0 || !readable(from) || !readable(to)) return make_real_call(&call);
  int named = (flags & AT_SYMLINK_FOLLOW) != 0 && from[0] == '/' ? descriptor_named(from) : -1;
  if ((flags & AT_EMPTY_PATH) != 0 && from[0] == 0) named = from_fd;
  if (named >= 0 && descriptor_is_blob(view, named, &entry)) return link_descriptor(view, &entry, to_fd, to);
  if (named >= 0) {
    long swapped = swap_descriptor(view, named);
    return swapped != 0 ? swapped : change_new_name(to_fd, to, &call);
  }
  bool inside = target_find(view, from_fd, from, (flags & AT_SYMLINK_FOLLOW) != 0, &target);
  if (!inside) {
    long missing = source_error(view, from_fd, from, flags);
    return missing != 0 ? missing : change_new_name(to_fd, to, &call);
  }
  target_begin(view, &target);
  long result = target.place.link ? 0 : hydrate(view, &target.place);
  if (result == 0) result = source_error(view, from_fd, from, flags);
  if (result == 0) result = change_new_name(to_fd, to, &call);
  target_end(view, &target);
  return result;
}

/* A socket in the file system is a new name as well. */
long vfs_bind(int fd, const void *address, unsigned length) {
  struct real_call call = {__NR_bind, fd, (long)address, length, 0, 0};
  const uint16_t unix_family = 1;
  char path[128];
  if (!readable(address) || length < 3 || length > sizeof path || *(const uint16_t *)address != unix_family)
    return make_real_call(&call);
  /* sun_path need not be terminated. */
  memcpy(path, (const char *)address + 2, length - 2);
  path[length - 2] = 0;
  long result = path[0] == 0 ? make_real_call(&call) : change_new_name(AT_FDCWD, path, &call);
  return result == -EEXIST ? -EADDRINUSE : result;
}

/* Questions about a name that are answered without opening it: access, readlink, statfs, extended attributes. */
#include "attributes.h"
#include "bytes.h"
#include "descriptor_names.h"
#include "descriptors.h"
#include "exact.h"
#include "glimpse.h"
#include "hydrate.h"
#include "target.h"
#include "vfs.h"

static long real_access(int dirfd, const char *path, int mode, int flags) {
  if (flags == 0) return raw3(__NR_faccessat, dirfd, (long)path, mode);
  return raw_faccessat2(dirfd, path, mode, flags);
}

static __attribute__((noinline)) long accessat(int dirfd, const char *path, int mode, int flags,
                                               const struct missed *missed) {
  const struct view *view = view_current();
  struct place place;
  struct vrift_entry entry;
  bool follow = (flags & AT_SYMLINK_NOFOLLOW) == 0, effective = (flags & AT_EACCESS) != 0;
  if (view == 0 || !readable(path) || (mode & ~7) != 0) return real_access(dirfd, path, mode, flags);
  if (path[0] == 0 && (flags & AT_EMPTY_PATH) != 0) {
    if (descriptor_is_blob(view, dirfd, &entry)) return attributes_access(view, &entry, mode, effective);
    return real_access(dirfd, path, mode, flags);
  }
  long result = -ENOENT;
  switch (look_after(view, missed, dirfd, path, follow, &entry)) {
  case LOOK_VIRTUAL:
    return attributes_access(view, &entry, mode, effective);
  case LOOK_ABSENT:
    return -ENOENT;
  case LOOK_NOT_DIRECTORY:
    return -ENOTDIR;
  case LOOK_EXACT:
    if (exact_access(&entry, mode) && (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EACCESS | AT_EMPTY_PATH)) == 0) return 0;
    return because(BECAUSE_PHYSICAL, real_access(dirfd, path, mode, flags));
  case LOOK_KERNEL:
    return real_access(dirfd, path, mode, flags);
  case LOOK_ASK:
    result = real_access(dirfd, path, mode, flags);
  }
  if (result != -ENOENT) return result;
  result = look_again(view, dirfd, path, follow, &place, &entry);
  if (result == -ENOENT && look_became_physical(&place)) return real_access(dirfd, path, mode, flags);
  return result == 0 ? attributes_access(view, &entry, mode, effective) : result;
}

long vfs_accessat(int dirfd, const char *path, int mode, int flags) {
  const struct view *view = glimpse_view(path);
  struct vrift_entry entry;
  struct missed missed = {0};
  if (__builtin_expect(view == 0 || (mode & ~7) != 0 || !glimpse(view, path, &entry, &missed), 0))
    return accessat(dirfd, path, mode, flags, &missed);
  return attributes_access(view, &entry, mode, (flags & AT_EACCESS) != 0);
}

/*
 * Who asks for W_OK by name is about to write, as editors do when they load a file. They compare inode numbers before and
 * after they open it for writing, to notice a file replaced behind their back; so it becomes physical before, not between.
 */
static __attribute__((noinline)) long access_and_hydrate(const char *path, int mode) {
  const struct view *view = view_current();
  struct target target;
  struct vrift_entry entry;
  long result = vfs_accessat(AT_FDCWD, path, mode, 0);
  if (result != 0 || view == 0 || view->solid) return result;
  if (!target_find(view, AT_FDCWD, path, true, &target) || !virtual_and_seen(&target.place, &entry)) return result;
  target_begin(view, &target);
  /* Not having become physical is no answer to the question. */
  hydrate(view, &target.place);
  target_end(view, &target);
  return result;
}

long vfs_access(const char *path, int mode) {
  return (mode & 2) == 0 ? vfs_accessat(AT_FDCWD, path, mode, 0) : access_and_hydrate(path, mode);
}

/* The name of a descriptor's file in /proc is the virtual file's, not the blob's. */
static long descriptor_link(const struct view *view, int fd, char *out, size_t size, long length) {
  struct vrift_entry entry;
  if (!descriptor_is_blob(view, fd, &entry)) return length;
  const uint8_t *key = vrift_entry_key(&view->index, &entry);
  if (key == 0) return length;
  char path[PATH_SIZE];
  if (view->root_length + entry.key_length + 2 > PATH_SIZE) return length;
  char *end = append_text(append_text(path, view->root), "/");
  memcpy(end, key, entry.key_length);
  size_t total = (size_t)(end - path) + entry.key_length;
  if (total > size) total = size;
  memcpy(out, path, total);
  /* The kernel has written the blob's longer name there, and many a program counts on zeros behind the text. */
  if (total < (size_t)length) memset(out + total, 0, (size_t)length - total);
  return (long)total;
}

long vfs_readlinkat(int dirfd, const char *path, char *out, size_t size) {
  const struct view *view = view_current();
  struct place place;
  struct vrift_entry entry;
  long result = -ENOENT;
  if (view == 0 || !readable(path) || path[0] == 0) return raw_readlinkat(dirfd, path, out, size);
  switch (look(view, dirfd, path, false, &place, &entry)) {
  case LOOK_VIRTUAL:
    return -EINVAL;
  case LOOK_ABSENT:
    return -ENOENT;
  case LOOK_NOT_DIRECTORY:
    return -ENOTDIR;
  case LOOK_EXACT:
  case LOOK_KERNEL:
    return raw_readlinkat(dirfd, path, out, size);
  case LOOK_ASK:
    result = raw_readlinkat(dirfd, path, out, size);
  }
  if (result > 0 && path[0] == '/') {
    int fd = descriptor_named(path);
    return fd >= 0 ? descriptor_link(view, fd, out, size, result) : result;
  }
  if (result != -ENOENT) return result;
  result = look_again(view, dirfd, path, false, &place, &entry);
  if (result == -ENOENT && look_became_physical(&place)) return raw_readlinkat(dirfd, path, out, size);
  return result == 0 ? -EINVAL : result;
}

/* 0 when the call is about a virtual file; 1 when the kernel is to answer, else the error. `ask` repeats the real call. */
static long virtual_path(const struct view *view, const char *path, bool follow, struct vrift_entry *entry,
                         long (*ask)(void *), void *call, long *answered) {
  struct place place;
  switch (look(view, AT_FDCWD, path, follow, &place, entry)) {
  case LOOK_VIRTUAL:
    return 0;
  case LOOK_ABSENT:
    return -ENOENT;
  case LOOK_NOT_DIRECTORY:
    return -ENOTDIR;
  case LOOK_KERNEL:
  case LOOK_EXACT:
  case LOOK_ASK:
    break;
  }
  *answered = ask(call);
  if (*answered != -ENOENT) return 1;
  long found = look_again(view, AT_FDCWD, path, follow, &place, entry);
  if (found != -ENOENT || !look_became_physical(&place)) return found;
  *answered = ask(call);
  return 1;
}

struct call {
  long number, a, b, c, d;
};
static long make_call(void *at) {
  const struct call *call = at;
  return raw4(call->number, call->a, call->b, call->c, call->d);
}

long vfs_statfs(const char *path, struct statfs *out) {
  const struct view *view = view_current();
  struct vrift_entry entry;
  struct call call = {__NR_statfs, (long)path, (long)out, 0, 0};
  long answered;
  if (view == 0 || !readable(path)) return make_call(&call);
  long found = virtual_path(view, path, true, &entry, make_call, &call, &answered);
  if (found == 1) return answered;
  return found == 0 ? raw2(__NR_statfs, (long)view->root, (long)out) : found;
}

long vfs_getxattr(const char *path, const char *name, void *value, size_t size, bool follow) {
  const struct view *view = view_current();
  struct vrift_entry entry;
  struct call call = {follow ? __NR_getxattr : __NR_lgetxattr, (long)path, (long)name, (long)value, (long)size};
  long answered;
  if (view == 0 || !readable(path)) return make_call(&call);
  long found = virtual_path(view, path, follow, &entry, make_call, &call, &answered);
  if (found == 1) return answered;
  return found == 0 ? -ENODATA : found;
}

long vfs_listxattr(const char *path, char *list, size_t size, bool follow) {
  const struct view *view = view_current();
  struct vrift_entry entry;
  struct call call = {follow ? __NR_listxattr : __NR_llistxattr, (long)path, (long)list, (long)size, 0};
  long answered;
  if (view == 0 || !readable(path)) return make_call(&call);
  long found = virtual_path(view, path, follow, &entry, make_call, &call, &answered);
  return found == 1 ? answered : found;
}

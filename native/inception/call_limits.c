/* What is asked about a file system: a virtual file is on the root's, wherever the store may be. */
#include "descriptors.h"
#include "errno_slot.h"
#include "libc.h"
#include "look.h"
#include "vfs.h"

/* The path libc is to ask about: the root for a virtual file. */
static const char *asked(const char *path) {
  const struct view *view = view_current();
  struct place place;
  struct vrift_entry entry;
  struct stat st;
  if (view == 0 || !readable(path)) return path;
  enum look looked = look_content(view, AT_FDCWD, path, true, &place, &entry);
  if (looked == LOOK_VIRTUAL) return view->root;
  if (looked != LOOK_ASK || raw_statat(AT_FDCWD, path, &st, 0) != -ENOENT) return path;
  return look_again(view, AT_FDCWD, path, true, &place, &entry) == 0 ? view->root : path;
}

/* What libc is asked is no tail call: whoever looks at the stack meanwhile (native/test/escapes.c) finds the library waiting. */
static inline long after_libc(long result) {
  __asm__ volatile("" ::: "memory");
  return result;
}

#define STATVFS(name) \
  EXPORT int name(const char *path, void *out) { \
    int (*real)(const char *, void *) = LIBC(int (*)(const char *, void *), #name); \
    return real ? (int)after_libc(real(asked(path), out)) : (int)answer(-ENOSYS); \
  }
STATVFS(statvfs)
STATVFS(statvfs64)

EXPORT long pathconf(const char *path, int name) {
  long (*real)(const char *, int) = LIBC(long (*)(const char *, int), "pathconf");
  return real ? after_libc(real(asked(path), name)) : answer(-ENOSYS);
}

static const struct view *view_of_blob(int fd) {
  const struct view *view = view_current();
  struct vrift_entry entry;
  bool named;
  return view != 0 && descriptor_file(view, fd, &entry, &named) ? view : 0;
}

#define STATFS(name) \
  EXPORT int name(const char *path, struct statfs *out) { return (int)answer(vfs_statfs(path, out)); }
STATFS(statfs)
STATFS(statfs64)
STATFS(__statfs)

#define FSTATFS(name) \
  EXPORT int name(int fd, struct statfs *out) { \
    const struct view *view = view_of_blob(fd); \
    return (int)answer(view != 0 ? vfs_statfs(view->root, out) : raw2(__NR_fstatfs, fd, (long)out)); \
  }
FSTATFS(fstatfs)
FSTATFS(fstatfs64)

#define FSTATVFS(name, by_path) \
  EXPORT int name(int fd, void *out) { \
    const struct view *view = view_of_blob(fd); \
    int (*named)(const char *, void *) = LIBC(int (*)(const char *, void *), by_path); \
    int (*real)(int, void *) = LIBC(int (*)(int, void *), #name); \
    if (view != 0 && named) return (int)after_libc(named(view->root, out)); \
    return real ? real(fd, out) : (int)answer(-ENOSYS); \
  }
FSTATVFS(fstatvfs, "statvfs")
FSTATVFS(fstatvfs64, "statvfs64")

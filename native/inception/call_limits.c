/* What libc makes of statfs: a virtual file is on the root's file system. */
#include "errno_slot.h"
#include "libc.h"
#include "look.h"

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

#define STATVFS(name) \
  EXPORT int name(const char *path, void *out) { \
    int (*real)(const char *, void *) = LIBC(int (*)(const char *, void *), #name); \
    return real ? real(asked(path), out) : (int)answer(-ENOSYS); \
  }
STATVFS(statvfs)
STATVFS(statvfs64)

EXPORT long pathconf(const char *path, int name) {
  long (*real)(const char *, int) = LIBC(long (*)(const char *, int), "pathconf");
  return real ? real(asked(path), name) : answer(-ENOSYS);
}

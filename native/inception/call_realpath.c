/*
 * realpath: libc first. It walks the path with readlink, which knows nothing of virtual files, so ENOENT is looked at again:
 * the parent is the kernel's to resolve, and a virtual name is its own canonical form.
 */
#include "bytes.h"
#include "errno_slot.h"
#include "look.h"
#include "program_memory.h"

typedef char *(*resolver)(const char *, char *);

static char *canonical(const struct view *view, const struct place *place, char *out) {
  char path[PATH_SIZE];
  if (!place_real_path(view, place, path)) {
    set_errno(ENAMETOOLONG);
    return 0;
  }
  size_t size = text_length(path) + 1;
  if (out == 0) {
    out = program_allocate(size);
    if (out == 0) return 0;
  }
  memcpy(out, path, size);
  return out;
}

static char *resolve(const char *path, char *out, resolver real) {
  const struct view *view = view_current();
  struct place place;
  struct vrift_entry entry;
  int before = *__errno_location();
  char *result = real(path, out);
  if (result != 0 || view == 0 || !readable(path) || *__errno_location() != ENOENT) return result;
  long found = look_again(view, AT_FDCWD, path, true, &place, &entry);
  if (found == -ENOENT && look_became_physical(&place)) return real(path, out);
  if (found != 0) {
    set_errno((int)-found);
    return 0;
  }
  set_errno(before);
  return canonical(view, &place, out);
}

EXPORT char *realpath(const char *path, char *out) {
  resolver real = LIBC(resolver, "realpath");
  return real ? resolve(path, out, real) : 0;
}

EXPORT char *__realpath_chk(const char *path, char *out, size_t size) {
  resolver real = LIBC(resolver, "realpath");
  if (size < PATH_SIZE) {
    /* libc ends the program here, and says so. */
    char *(*checked)(const char *, char *, size_t) = LIBC(char *(*)(const char *, char *, size_t), "__realpath_chk");
    return checked ? checked(path, out, size) : 0;
  }
  return real ? resolve(path, out, real) : 0;
}

EXPORT char *canonicalize_file_name(const char *path) {
  resolver real = LIBC(resolver, "realpath");
  return real ? resolve(path, 0, real) : 0;
}

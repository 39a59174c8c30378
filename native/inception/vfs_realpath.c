/*
 * realpath: libc first. It walks the path with readlink, which knows nothing of virtual files, so ENOENT is looked at again:
 * the parent is the kernel's to resolve, and a virtual name is its own canonical form.
 */
#include "bytes.h"
#include "errno_slot.h"
#include "look.h"
#include "program_memory.h"
#include "vfs.h"

static long canonical(const struct view *view, const struct place *place, char *out, char **found) {
  char path[PATH_SIZE];
  if (!place_real_path(view, place, path)) return -ENAMETOOLONG;
  size_t size = text_length(path) + 1;
  *found = out != 0 ? out : program_allocate(size);
  if (*found == 0) return -ENOMEM;
  memcpy(*found, path, size);
  return 0;
}

/* libc's own word; what it writes into errno on the way stays. */
static long ask(const char *path, char *out, char *(*real)(const char *, char *), char **found) {
  *found = real(path, out);
  return *found != 0 ? 0 : -*__errno_location();
}

long vfs_realpath(const char *path, char *out, char *(*real)(const char *, char *), char **found) {
  const struct view *view = view_current();
  struct place place;
  struct vrift_entry entry;
  int before = *__errno_location();
  long result = ask(path, out, real, found);
  if (result != -ENOENT || view == 0 || !readable(path)) return result;
  result = look_again(view, AT_FDCWD, path, true, &place, &entry);
  if (result == -ENOENT && look_became_physical(&place)) return ask(path, out, real, found);
  if (result != 0) return result;
  set_errno(before);
  return canonical(view, &place, out, found);
}

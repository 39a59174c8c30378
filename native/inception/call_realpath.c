#include "errno_slot.h"
#include "libc.h"
#include "vfs.h"

typedef char *(*resolver)(const char *, char *);

static char *resolve(const char *path, char *out, resolver real) {
  char *found = 0;
  return answer(vfs_realpath(path, out, real, &found)) == 0 ? found : 0;
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

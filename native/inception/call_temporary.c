/* mkstemp and its family, made of our own open: libc's would not see that a name is taken by a virtual file. */
#include "bytes.h"
#include "errno_slot.h"
#include "vfs.h"

#define LETTERS 62
#define MARKED 6
#define TRIES 238328 /* as libc: 62^3 */

static long fill_in(char *letters) {
  static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  uint64_t random;
  long got = raw3(__NR_getrandom, (long)&random, sizeof random, 0);
  if (got < 0) return got;
  for (int i = 0; i < MARKED; i++, random /= LETTERS) letters[i] = alphabet[random % LETTERS];
  return 0;
}

/* `make` is tried on names until one is free. */
static long make_temporary(char *template, int suffix, int flags, bool directory) {
  size_t length = text_length(template);
  if (suffix < 0 || length < (size_t)suffix + MARKED) return -EINVAL;
  char *letters = template + length - (size_t)suffix - MARKED;
  if (memcmp(letters, "XXXXXX", MARKED) != 0) return -EINVAL;
  long result = -EEXIST;
  for (int i = 0; i < TRIES && result == -EEXIST; i++) {
    result = fill_in(letters);
    if (result != 0) break;
    result = directory ? vfs_mkdirat(AT_FDCWD, template, 0700)
                       : vfs_openat(AT_FDCWD, template, (flags & ~O_ACCMODE) | O_RDWR | O_CREAT | O_EXCL, 0600);
  }
  return result;
}

#define TEMPORARY(name, parameters, suffix, flags) \
  EXPORT int name parameters { return (int)answer(make_temporary(template, suffix, flags, false)); }
TEMPORARY(mkstemp, (char *template), 0, 0)
TEMPORARY(mkstemp64, (char *template), 0, O_LARGEFILE)
TEMPORARY(mkostemp, (char *template, int flags), 0, flags)
TEMPORARY(mkostemp64, (char *template, int flags), 0, flags | O_LARGEFILE)
TEMPORARY(mkstemps, (char *template, int suffix), suffix, 0)
TEMPORARY(mkstemps64, (char *template, int suffix), suffix, O_LARGEFILE)
TEMPORARY(mkostemps, (char *template, int suffix, int flags), suffix, flags)
TEMPORARY(mkostemps64, (char *template, int suffix, int flags), suffix, flags | O_LARGEFILE)

EXPORT char *mkdtemp(char *template) { return answer(make_temporary(template, 0, 0, true)) == 0 ? template : 0; }

/* glob: libc's own, given our opendir and stat. */
#include "libc.h"
#include "errno_slot.h"
#include "view.h"

#define GLOB_ALTDIRFUNC (1 << 9)
#define GLOB_NOSYS 4

struct glob {
  size_t count;
  char **paths;
  size_t offset;
  int flags;
  void (*close)(void *);
  void *(*read)(void *);
  void *(*open)(const char *);
  int (*lstat)(const char *, void *);
  int (*stat)(const char *, void *);
};

extern int closedir(void *);
extern void *readdir(void *);
extern void *opendir(const char *);
extern int lstat(const char *, void *);
extern int stat(const char *, void *);

static void close_quietly(void *dir) { closedir(dir); }

typedef int (*globber)(const char *, int, int (*)(const char *, int), struct glob *);

static int run_glob(const char *pattern, int flags, int (*report)(const char *, int), struct glob *result,
                    globber real) {
  if (view_current() == 0 || (flags & GLOB_ALTDIRFUNC) != 0) return real(pattern, flags, report, result);
  result->close = close_quietly;
  result->read = readdir;
  result->open = opendir;
  result->lstat = lstat;
  result->stat = stat;
  int status = real(pattern, flags | GLOB_ALTDIRFUNC, report, result);
  result->flags &= ~GLOB_ALTDIRFUNC;
  return status;
}

#define GLOB(name) \
  EXPORT int name(const char *pattern, int flags, int (*report)(const char *, int), struct glob *result) { \
    globber real = LIBC(globber, #name); \
    return real ? run_glob(pattern, flags, report, result, real) : GLOB_NOSYS; \
  }
GLOB(glob)
GLOB(glob64)

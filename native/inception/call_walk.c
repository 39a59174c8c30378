/*
 * libc's own walkers. glob is given our opendir and stat. nftw and fts still walk by libc's internal calls and see only
 * physical files (docs/interception.md); they may change the working directory behind our back, which is all that is seen to.
 */
#include "cwd.h"
#include "errno_slot.h"
#include "libc.h"
#include "view.h"

#define GLOB_ALTDIRFUNC (1 << 9)
#define FTW_CHDIR 4

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
    return real ? run_glob(pattern, flags, report, result, real) : 3; \
  }
GLOB(glob)
GLOB(glob64)

typedef int (*walker)(const char *, int (*)(void), int, int);

#define NFTW(name) \
  EXPORT int name(const char *path, int (*visit)(void), int descriptors, int flags) { \
    walker real = LIBC(walker, #name); \
    if (!real) return (int)answer(-ENOSYS); \
    if ((flags & FTW_CHDIR) != 0) cwd_suspend(); \
    int result = real(path, visit, descriptors, flags); \
    if ((flags & FTW_CHDIR) != 0) cwd_resume(); \
    return result; \
  }
NFTW(nftw)
NFTW(nftw64)

#define FTS(name) \
  EXPORT void *name(void *stream) { \
    void *(*real)(void *) = LIBC(void *(*)(void *), #name); \
    void *result = real ? real(stream) : 0; \
    cwd_changed(); \
    return result; \
  }
FTS(fts_read)
FTS(fts64_read)

#define FTS_CHILDREN(name) \
  EXPORT void *name(void *stream, int options) { \
    void *(*real)(void *, int) = LIBC(void *(*)(void *, int), #name); \
    void *result = real ? real(stream, options) : 0; \
    cwd_changed(); \
    return result; \
  }
FTS_CHILDREN(fts_children)
FTS_CHILDREN(fts64_children)

#define FTS_CLOSE(name) \
  EXPORT int name(void *stream) { \
    int (*real)(void *) = LIBC(int (*)(void *), #name); \
    int result = real ? real(stream) : (int)answer(-ENOSYS); \
    cwd_changed(); \
    return result; \
  }
FTS_CLOSE(fts_close)
FTS_CLOSE(fts64_close)

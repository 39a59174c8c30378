/* fopen and freopen: libc makes the FILE, on a descriptor that was opened here when the file is virtual. */
#include "descriptor_names.h"
#include "errno_slot.h"
#include "hydrate.h"
#include "libc.h"
#include "bytes.h"
#include "swap.h"
#include "target.h"
#include "vfs.h"

typedef void FILE;

/* open's flags for fopen's mode; false when the mode is libc's to refuse. */
static bool open_flags(const char *mode, int *flags, bool *simple) {
  switch (mode[0]) {
  case 'r':
    *flags = O_RDONLY;
    break;
  case 'w':
    *flags = O_WRONLY | O_CREAT | O_TRUNC;
    break;
  case 'a':
    *flags = O_WRONLY | O_CREAT | O_APPEND;
    break;
  default:
    return false;
  }
  *simple = true;
  for (const char *at = mode + 1; *at != 0; at++) {
    if (*at == '+') *flags = (*flags & ~O_ACCMODE) | O_RDWR;
    if (*at == 'x') *flags |= O_EXCL;
    if (*at == 'e') *flags |= O_CLOEXEC;
    if (*at == ',') {
      /* ",ccs=": a conversion that fdopen does not know. */
      *simple = false;
      break;
    }
  }
  return true;
}

static FILE *on_descriptor(long fd, const char *mode) {
  FILE *(*real)(int, const char *) = LIBC(FILE * (*)(int, const char *), "fdopen");
  if (failed(fd)) {
    set_errno((int)-fd);
    return 0;
  }
  FILE *stream = real ? real((int)fd, mode) : 0;
  if (stream == 0) raw_close((int)fd);
  return stream;
}

/* The file is made physical, and libc does the rest, with the marks held. One that is cut is opened here: its content is not copied. */
static FILE *physical_first(const struct view *view, const char *path, int flags, bool simple, const char *mode,
                            FILE *(*real)(const char *, const char *)) {
  struct target target;
  struct vrift_entry entry;
  bool exclusive = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
  if (!target_find(view, AT_FDCWD, path, !exclusive, &target)) return real(path, mode);
  FILE *stream = 0;
  long result = 0;
  target_begin(view, &target);
  if (!target.place.link && virtual_and_seen(&target.place, &entry)) {
    if (!exclusive && simple && (flags & O_TRUNC) != 0) {
      target_end(view, &target);
      return on_descriptor(vfs_openat(AT_FDCWD, path, flags, 0666), mode);
    }
    result = exclusive ? -EEXIST : hydrate(view, &target.place);
  }
  if (result == 0)
    stream = real(path, mode);
  else
    set_errno((int)-result);
  target_end(view, &target);
  return stream;
}

static FILE *open_stream(const char *path, const char *mode, FILE *(*real)(const char *, const char *)) {
  const struct view *view = view_current();
  int flags;
  bool simple;
  if (view == 0 || !readable(path) || !readable(mode) || !open_flags(mode, &flags, &simple)) return real(path, mode);
  bool reads = (flags & (O_ACCMODE | O_CREAT)) == O_RDONLY;
  if (!reads && path[0] == '/' && descriptor_named(path) >= 0)
    return on_descriptor(vfs_openat(AT_FDCWD, path, flags, 0666), mode);
  if (!reads || !simple) return physical_first(view, path, flags, simple, mode, real);
  struct place place;
  struct vrift_entry entry;
  enum look looked = look_content(view, AT_FDCWD, path, true, &place, &entry);
  if (looked == LOOK_KERNEL || looked == LOOK_EXACT || looked == LOOK_ASK) {
    int *error = __errno_location(), before = *error;
    FILE *stream = real(path, mode);
    if (stream != 0 || *error != ENOENT) return stream;
    *error = before;
  }
  return on_descriptor(vfs_openat(AT_FDCWD, path, flags, 0), mode);
}

#define FOPEN(name) \
  EXPORT FILE *name(const char *path, const char *mode) { \
    FILE *(*real)(const char *, const char *) = LIBC(FILE * (*)(const char *, const char *), #name); \
    return real ? open_stream(path, mode, real) : on_descriptor(-ENOSYS, mode); \
  }
FOPEN(fopen)
FOPEN(fopen64)
FOPEN(_IO_fopen)

/* libc adds a flag of its own to the mode, for a stream without cancellation. */
#define SETMNTENT(name) \
  EXPORT FILE *name(const char *path, const char *mode) { \
    FILE *(*real)(const char *, const char *) = LIBC(FILE * (*)(const char *, const char *), #name); \
    return real ? open_stream(path, mode, real) : on_descriptor(-ENOSYS, mode); \
  }
SETMNTENT(setmntent)
SETMNTENT(__setmntent)

typedef FILE *(*reopener)(const char *, const char *, FILE *);

static FILE *reopen(const char *path, const char *mode, FILE *stream, reopener real) {
  const struct view *view = view_current();
  int flags;
  bool simple;
  if (view == 0 || (path != 0 && !readable(path)) || !readable(mode) || !open_flags(mode, &flags, &simple))
    return real(path, mode, stream);
  bool reads = (flags & (O_ACCMODE | O_CREAT)) == O_RDONLY;
  if (path == 0) {
    /* Another mode for the same file: libc opens /proc/self/fd/N itself, which must not be a blob then. */
    int (*number)(FILE *) = LIBC(int (*)(FILE *), "fileno");
    if (!reads && number) swap_descriptor(view, number(stream));
    return real(path, mode, stream);
  }
  char name[32];
  if (reads) {
    struct place place;
    struct vrift_entry entry;
    enum look looked = look_content(view, AT_FDCWD, path, true, &place, &entry);
    bool is_virtual = looked == LOOK_VIRTUAL;
    struct stat st;
    if (looked == LOOK_ASK && raw_statat(AT_FDCWD, path, &st, 0) == -ENOENT)
      is_virtual = look_again(view, AT_FDCWD, path, true, &place, &entry) == 0;
    if (!is_virtual) return real(path, mode, stream);
    long fd = vfs_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (failed(fd)) return real(path, mode, stream);
    *append_decimal(append_text(name, "/proc/self/fd/"), (uint64_t)fd) = 0;
    FILE *result = real(name, mode, stream);
    raw_close((int)fd);
    return result;
  }
  struct target target;
  if (!target_find(view, AT_FDCWD, path, true, &target)) return real(path, mode, stream);
  target_begin(view, &target);
  if (!target.place.link) hydrate(view, &target.place);
  FILE *result = real(path, mode, stream);
  target_end(view, &target);
  return result;
}

#define FREOPEN(name) \
  EXPORT FILE *name(const char *path, const char *mode, FILE *stream) { \
    reopener real = LIBC(reopener, #name); \
    return real ? reopen(path, mode, stream, real) : on_descriptor(-ENOSYS, mode); \
  }
FREOPEN(freopen)
FREOPEN(freopen64)

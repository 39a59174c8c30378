/* opendir and its family: our stream where there are virtual files, libc's everywhere else. */
#include "errno_slot.h"
#include "libc.h"
#include "stream.h"
#include "vfs.h"

typedef void DIR;

/* `path`: what the descriptor has just been opened by, or null. */
static DIR *adopt(int fd, const char *path, bool close_on_failure) {
  int error;
  struct stream *stream = path != 0 ? stream_open_path(fd, path, &error) : stream_open(fd, &error);
  if (stream != 0) return stream;
  DIR *(*real)(int) = LIBC(DIR * (*)(int), "fdopendir");
  DIR *dir = error == 0 && real ? real(fd) : 0;
  if (dir == 0 && close_on_failure) raw_close(fd);
  if (error != 0) set_errno(error);
  return dir;
}

EXPORT DIR *fdopendir(int fd) { return adopt(fd, 0, false); }

EXPORT DIR *opendir(const char *path) {
  if (view_current() == 0) {
    DIR *(*real)(const char *) = LIBC(DIR * (*)(const char *), "opendir");
    if (real) return real(path);
  }
  long fd = vfs_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_DIRECTORY | O_CLOEXEC | O_LARGEFILE, 0);
  if (failed(fd)) {
    set_errno((int)-fd);
    return 0;
  }
  return adopt((int)fd, path, true);
}

static struct dirent64 *read_ours(struct stream *stream) {
  int error;
  stream_lock(stream);
  struct dirent64 *record = stream_read(stream, &error);
  stream_unlock(stream);
  /* At the end errno stays: that is how programs tell it from a failure. */
  if (error != 0) set_errno(error);
  return record;
}

#define READDIR(name) \
  EXPORT struct dirent64 *name(DIR *dir) { \
    if (stream_is_ours(dir)) return read_ours(dir); \
    struct dirent64 *(*real)(DIR *) = LIBC(struct dirent64 * (*)(DIR *), #name); \
    return real ? real(dir) : 0; \
  }
READDIR(readdir)
READDIR(readdir64)

static int read_into(struct stream *stream, struct dirent64 *out, struct dirent64 **result) {
  int error;
  stream_lock(stream);
  struct dirent64 *record = stream_read(stream, &error);
  if (record != 0) __builtin_memcpy(out, record, record->d_reclen);
  stream_unlock(stream);
  *result = record != 0 ? out : 0;
  return error;
}

#define READDIR_R(name) \
  EXPORT int name(DIR *dir, struct dirent64 *out, struct dirent64 **result) { \
    if (stream_is_ours(dir)) return read_into(dir, out, result); \
    int (*real)(DIR *, struct dirent64 *, struct dirent64 **) = \
        LIBC(int (*)(DIR *, struct dirent64 *, struct dirent64 **), #name); \
    return real ? real(dir, out, result) : EBADF; \
  }
READDIR_R(readdir_r)
READDIR_R(readdir64_r)

EXPORT int closedir(DIR *dir) {
  if (dir != 0 && stream_is_ours(dir)) return (int)answer(stream_close(dir));
  int (*real)(DIR *) = LIBC(int (*)(DIR *), "closedir");
  return real ? real(dir) : (int)answer(-EBADF);
}

EXPORT int dirfd(DIR *dir) {
  if (stream_is_ours(dir)) return stream_descriptor(dir);
  int (*real)(DIR *) = LIBC(int (*)(DIR *), "dirfd");
  return real ? real(dir) : (int)answer(-EINVAL);
}

EXPORT void rewinddir(DIR *dir) {
  if (stream_is_ours(dir)) {
    stream_lock(dir);
    stream_rewind(dir);
    stream_unlock(dir);
    return;
  }
  void (*real)(DIR *) = LIBC(void (*)(DIR *), "rewinddir");
  if (real) real(dir);
}

EXPORT void seekdir(DIR *dir, long at) {
  if (stream_is_ours(dir)) {
    stream_lock(dir);
    stream_seek(dir, at);
    stream_unlock(dir);
    return;
  }
  void (*real)(DIR *, long) = LIBC(void (*)(DIR *, long), "seekdir");
  if (real) real(dir, at);
}

EXPORT long telldir(DIR *dir) {
  if (stream_is_ours(dir)) return stream_tell(dir);
  long (*real)(DIR *) = LIBC(long (*)(DIR *), "telldir");
  return real ? real(dir) : answer(-EBADF);
}

EXPORT ssize getdents64(int fd, void *out, size_t size) { return answer(vfs_getdents64(fd, out, size)); }

#define GETDIRENTRIES(name) \
  EXPORT ssize name(int fd, void *out, size_t size, long *base) { \
    long at = raw3(__NR_lseek, fd, 0, 1); \
    if (failed(at)) return answer(at); \
    *base = at; \
    return answer(vfs_getdents64(fd, out, size)); \
  }
GETDIRENTRIES(getdirentries)
GETDIRENTRIES(getdirentries64)

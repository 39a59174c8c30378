/*
 * The DIR of directories that have virtual files. All others stay libc's; a pointer tells which by its first word, which in
 * libc's is a descriptor and never this.
 */
#ifndef VRIFT_STREAM_H
#define VRIFT_STREAM_H

#include "listing.h"

struct stream;

static inline bool stream_is_ours(const void *dir) {
  return __atomic_load_n((const uint64_t *)dir, __ATOMIC_RELAXED) == 0x8ab1f7d1c0de5eedull;
}

/* Takes over the descriptor; null with errno's value in `*error` (0: this directory is libc's to list). */
struct stream *stream_open(int fd, int *error);
/* The same for a descriptor that was opened for reading as a directory, under this path, a moment ago. */
struct stream *stream_open_path(int fd, const char *path, int *error);
/* The next record, null at the end (`*error` 0) or on an error. */
struct dirent64 *stream_read(struct stream *stream, int *error);
void stream_rewind(struct stream *stream);
void stream_seek(struct stream *stream, long cookie);
long stream_tell(const struct stream *stream);
int stream_descriptor(const struct stream *stream);
/* 0 or -errno of close. */
long stream_close(struct stream *stream);
/* Like libc's, a stream may be read by several threads. */
void stream_lock(struct stream *stream);
void stream_unlock(struct stream *stream);

#endif

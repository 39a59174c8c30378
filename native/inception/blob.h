/* The content of a virtual entry: a file of the store. */
#ifndef VRIFT_BLOB_H
#define VRIFT_BLOB_H

#include "view.h"

/* A descriptor on the blob, checked for its size; -EIO when the store has it not, or not whole. `st` is the blob's own. */
long blob_open(const struct view *view, const struct vrift_entry *entry, int flags, struct stat *st);

/* Can this stat be a blob's? Cheap; the owner of the descriptor table decides. */
static inline bool blob_like(const struct view *view, const struct stat *st) {
  return st->st_dev == view->source_dev && (st->st_mode & (S_IFMT | 07777)) == (S_IFREG | 0444);
}

/* Content hash and size in a path below the store; false for anything else. */
bool blob_parse(const struct view *view, const char *path, size_t length, uint8_t hash[32], uint64_t *size);

#endif

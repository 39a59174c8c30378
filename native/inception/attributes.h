/* The attributes of a virtual entry, as stat and statx tell them. */
#ifndef VRIFT_ATTRIBUTES_H
#define VRIFT_ATTRIBUTES_H

#include "view.h"

#define VIRTUAL_BLOCK_SIZE 4096
#define SECOND 1000000000ll

static inline void split(int64_t ns, int64_t *seconds, uint64_t *rest) {
  int64_t whole = ns / SECOND, part = ns % SECOND;
  if (part < 0) part += SECOND, whole--;
  *seconds = whole;
  *rest = (uint64_t)part;
}

static inline void attributes_stat(const struct view *view, const struct vrift_entry *entry, struct stat *st) {
  int64_t seconds;
  uint64_t rest;
  st->st_dev = view->root_dev;
  st->st_ino = entry->ino;
  st->st_nlink = 1;
  st->st_mode = entry->mode;
  st->st_uid = view->uid;
  st->st_gid = view->gid;
  st->__pad0 = 0;
  st->st_rdev = 0;
  st->st_size = (int64_t)entry->size;
  st->st_blksize = VIRTUAL_BLOCK_SIZE;
  st->st_blocks = entry->blocks;
  split(entry->mtime_ns, &seconds, &rest);
  st->st_atime = st->st_mtime = (uint64_t)seconds;
  st->st_atime_nsec = st->st_mtime_nsec = rest;
  split(entry->ctime_ns, &seconds, &rest);
  st->st_ctime = (uint64_t)seconds;
  st->st_ctime_nsec = rest;
  st->__unused[0] = st->__unused[1] = st->__unused[2] = 0;
}

void attributes_statx(const struct view *view, const struct vrift_entry *entry, struct statx *st);

/* What the kernel says of the root counts `.vrift`, which listings leave out: one link less. */
void attributes_root_stat(const struct view *view, struct stat *st);
void attributes_root_statx(const struct view *view, struct statx *st);

/* access(2) on an entry: 0 or -EACCES. `effective`: of the effective ids (open, AT_EACCESS). `mode` of R_OK 4, W_OK 2, X_OK 1. */
long attributes_access_as(const struct view *view, const struct vrift_entry *entry, int mode, bool effective);

static inline long attributes_access(const struct view *view, const struct vrift_entry *entry, int mode, bool effective) {
  uint32_t bits = entry->mode, wanted = (uint32_t)mode & 7;
  /* Allowed to everybody: no need to know who asks. */
  if ((bits & bits >> 3 & bits >> 6 & wanted) == wanted) return 0;
  return attributes_access_as(view, entry, mode, effective);
}

#endif

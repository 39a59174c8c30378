/* The attributes of a virtual entry, as stat and statx tell them. */
#ifndef VRIFT_ATTRIBUTES_H
#define VRIFT_ATTRIBUTES_H

#include <emmintrin.h>
#include <stddef.h>

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

_Static_assert(sizeof(struct statx) == 256 && offsetof(struct statx, stx_ino) == 32 && offsetof(struct statx, stx_blocks) == 48 &&
                   offsetof(struct statx, stx_atime) == 64 && offsetof(struct statx, stx_ctime) == 96 &&
                   offsetof(struct statx, stx_mtime) == 112 && offsetof(struct statx, stx_dev_major) == 136,
               "sixteen pairs of words");

static inline __m128i statx_time(int64_t ns) {
  int64_t seconds;
  uint64_t rest;
  split(ns, &seconds, &rest);
  return _mm_set_epi64x((int64_t)rest, seconds);
}

/* Sixteen stores of sixteen bytes, each of them once: one by one the fields are a third more instructions. */
static inline void attributes_statx(const struct view *view, const struct vrift_entry *entry, struct statx *st) {
  __m128i *pairs = (__m128i *)(void *)st;
  const __m128i zero = _mm_setzero_si128(), mtime = statx_time(entry->mtime_ns);
  _mm_storeu_si128(&pairs[0], _mm_set_epi32(0, 0, VIRTUAL_BLOCK_SIZE, STATX_BASIC_STATS));
  _mm_storeu_si128(&pairs[1], _mm_set_epi32((uint16_t)entry->mode, (int)view->gid, (int)view->uid, 1 /* link */));
  _mm_storeu_si128(&pairs[2], _mm_set_epi64x((int64_t)entry->size, (int64_t)entry->ino));
  _mm_storeu_si128(&pairs[3], _mm_set_epi64x(0, entry->blocks));
  _mm_storeu_si128(&pairs[4], mtime); /* of the last access, too */
  _mm_storeu_si128(&pairs[5], zero);
  _mm_storeu_si128(&pairs[6], statx_time(entry->ctime_ns));
  _mm_storeu_si128(&pairs[7], mtime);
  _mm_storeu_si128(&pairs[8], _mm_set_epi64x((int64_t)view->root_statx_dev, 0));
#pragma GCC unroll 7
  for (size_t i = 9; i < 16; i++) _mm_storeu_si128(&pairs[i], zero);
}

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

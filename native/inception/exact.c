#include "exact.h"

#include "attributes.h"
#include "bytes.h"
#include "look.h"

#ifndef AT_STATX_SYNC_TYPE
#define AT_STATX_SYNC_TYPE 0x6000
#endif
#define BIRTH_MASK (STATX_BASIC_STATS | STATX_BTIME)

/*
 * Does no read change the access time? The kernel's rule of `relatime`: only one that is not later than both others, or a day old,
 * is due. The floor is kept by the daemon, an hour early.
 */
static bool access_stands(const struct vrift_index_header *header, const struct vrift_entry *entry, int64_t atime) {
  uint32_t rule = __atomic_load_n(&header->access_rule, __ATOMIC_RELAXED);
  if (rule != VRIFT_ACCESS_RELATIVE) return rule == VRIFT_ACCESS_FIXED;
  return atime > entry->mtime_ns && atime > entry->ctime_ns &&
         atime >= __atomic_load_n(&header->access_floor_ns, __ATOMIC_RELAXED);
}

static bool read_times(const struct view *view, const struct vrift_entry *entry, struct vrift_index_times *times) {
  return vrift_times_read(&view->index, entry->number, entry->seq, times) &&
         access_stands(view->index.header, entry, times->atime_ns);
}

bool exact_stat(const struct view *view, const struct vrift_entry *entry, int flags, struct stat *st) {
  struct vrift_index_times times;
  int64_t seconds;
  uint64_t rest;
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)) != 0 || !read_times(view, entry, &times)) return false;
  attributes_stat(view, entry, st);
  st->st_nlink = times.nlink;
  st->st_blksize = view->index.header->block_size;
  split(times.atime_ns, &seconds, &rest);
  st->st_atime = (uint64_t)seconds;
  st->st_atime_nsec = rest;
  return true;
}

bool exact_statx(const struct view *view, const struct vrift_entry *entry, int flags, unsigned mask, struct statx *st) {
  const struct vrift_index_header *header = view->index.header;
  struct vrift_index_times times;
  int64_t seconds;
  uint64_t rest;
  if (mask != STATX_BASIC_STATS && mask != BIRTH_MASK) return false;
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) != 0 ||
      (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE || !readable((const char *)st))
    return false;
  uint32_t answered = mask == BIRTH_MASK ? header->birth_mask : header->basic_mask;
  if (!read_times(view, entry, &times)) return false;
  attributes_statx(view, entry, st);
  st->stx_mask = answered;
  st->stx_blksize = header->block_size;
  st->stx_nlink = times.nlink;
  st->stx_attributes_mask = header->attributes_mask;
  st->stx_mnt_id = header->mount_id;
  split(times.atime_ns, &seconds, &rest);
  st->stx_atime.tv_sec = seconds;
  st->stx_atime.tv_nsec = (uint32_t)rest;
  if ((answered & STATX_BTIME) != 0) {
    split(times.btime_ns, &seconds, &rest);
    st->stx_btime.tv_sec = seconds;
    st->stx_btime.tv_nsec = (uint32_t)rest;
  }
  return true;
}

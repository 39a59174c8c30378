#include "attributes.h"

#include "bytes.h"

#define GROUPS_LIMIT 1024

/* A file system that does not count subdirectories says 1. */
void attributes_root_stat(const struct view *view, struct stat *st) {
  if (view->solid) return;
  if ((st->st_mode & S_IFMT) != S_IFDIR || st->st_ino != view->index.header->root_ino) return;
  if (st->st_dev == view->root_dev && st->st_nlink > 2) st->st_nlink--;
}

void attributes_root_statx(const struct view *view, struct statx *st) {
  if (view->solid) return;
  if ((st->stx_mode & S_IFMT) != S_IFDIR || st->stx_ino != view->index.header->root_ino) return;
  if ((st->stx_dev_major | (uint64_t)st->stx_dev_minor << 32) != view->root_statx_dev) return;
  if ((st->stx_mask & STATX_NLINK) != 0 && st->stx_nlink > 2) st->stx_nlink--;
}

static bool in_group(uint32_t wanted, bool effective) {
  uint32_t groups[GROUPS_LIMIT];
  if ((uint32_t)raw0(effective ? __NR_getegid : __NR_getgid) == wanted) return true;
  long count = raw2(__NR_getgroups, GROUPS_LIMIT, (long)groups);
  for (long i = 0; i < count; i++)
    if (groups[i] == wanted) return true;
  return false;
}

long attributes_access_as(const struct view *view, const struct vrift_entry *entry, int mode, bool effective) {
  uint32_t bits = entry->mode, wanted = (uint32_t)mode & 7;
  uint32_t user = (uint32_t)raw0(effective ? __NR_geteuid : __NR_getuid);
  if (user == 0) return (wanted & 1) != 0 && (bits & 0111) == 0 ? -EACCES : 0;
  if (user == view->uid)
    bits >>= 6;
  else if (in_group(view->gid, effective))
    bits >>= 3;
  return (bits & wanted) == wanted ? 0 : -EACCES;
}

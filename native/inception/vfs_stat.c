#include "attributes.h"
#include "because.h"
#include "blob.h"
#include "descriptor_names.h"
#include "descriptors.h"
#include "exact.h"
#include "glimpse.h"
#include "vfs.h"

long vfs_fstat(int fd, struct stat *st) {
  const struct view *view = view_current();
  struct vrift_entry entry;
  long result = raw_fstat(fd, st);
  if (result != 0 || view == 0) return result;
  if (descriptor_entry(view, fd, st, &entry)) {
    besides(BESIDES_ENTRY);
    attributes_stat(view, &entry, st);
  } else {
    attributes_root_stat(view, st);
  }
  return 0;
}

static long stat_descriptor(const struct view *view, int fd, const char *path, struct stat *st, int flags) {
  struct vrift_entry entry;
  long result = raw_statat(fd, path, st, flags);
  if (result != 0) return result;
  if (descriptor_entry(view, fd, st, &entry)) {
    besides(BESIDES_ENTRY);
    attributes_stat(view, &entry, st);
  } else {
    attributes_root_stat(view, st);
  }
  return 0;
}

static long stat_physical(const struct view *view, int dirfd, const char *path, struct stat *st, int flags) {
  long result = raw_statat(dirfd, path, st, flags);
  if (result == 0) attributes_root_stat(view, st);
  return result;
}

/* The kernel first: the index cannot answer alone. */
static __attribute__((noinline)) long stat_asking(const struct view *view, int dirfd, const char *path, struct stat *st,
                                                  int flags) {
  struct place place;
  struct vrift_entry entry;
  bool follow = (flags & AT_SYMLINK_NOFOLLOW) == 0;
  long result = stat_physical(view, dirfd, path, st, flags);
  if (result != -ENOENT) {
    /* A path like /proc/self/fd/N may lead to a blob. */
    if (result == 0 && follow && path[0] == '/' && blob_like(view, st) && blob_behind(view, path, st, &entry)) {
      besides(BESIDES_ENTRY);
      attributes_stat(view, &entry, st);
    }
    return result;
  }
  result = look_again(view, dirfd, path, follow, &place, &entry);
  if (result == 0) attributes_stat(view, &entry, st);
  if (result == -ENOENT && look_became_physical(&place)) return stat_physical(view, dirfd, path, st, flags);
  return result;
}

static __attribute__((noinline)) long statat(int dirfd, const char *path, struct stat *st, int flags,
                                             const struct missed *missed) {
  const struct view *view = view_current();
  struct vrift_entry entry;
  if (view == 0 || !readable(path)) return raw_statat(dirfd, path, st, flags);
  if ((flags & AT_EMPTY_PATH) != 0 && path[0] == 0) return stat_descriptor(view, dirfd, path, st, flags);
  switch (look_after(view, missed, dirfd, path, (flags & AT_SYMLINK_NOFOLLOW) == 0, &entry)) {
  case LOOK_VIRTUAL:
    attributes_stat(view, &entry, st);
    return 0;
  case LOOK_ABSENT:
    return -ENOENT;
  case LOOK_NOT_DIRECTORY:
    return -ENOTDIR;
  case LOOK_EXACT:
    if (exact_stat(view, &entry, flags, st)) return 0;
    return because(BECAUSE_PHYSICAL, stat_physical(view, dirfd, path, st, flags));
  case LOOK_KERNEL:
    return stat_physical(view, dirfd, path, st, flags);
  case LOOK_ASK:
    break;
  }
  return stat_asking(view, dirfd, path, st, flags);
}

long vfs_statat(int dirfd, const char *path, struct stat *st, int flags) {
  const struct view *view = glimpse_view(path);
  struct vrift_entry entry;
  struct missed missed = {0};
  if (__builtin_expect(view == 0 || !glimpse(view, path, &entry, &missed), 0))
    return statat(dirfd, path, st, flags, &missed);
  attributes_stat(view, &entry, st);
  return 0;
}

static long statx_physical(const struct view *view, int dirfd, const char *path, int flags, unsigned mask,
                           struct statx *st) {
  long result = raw5(__NR_statx, dirfd, (long)path, flags, mask, (long)st);
  if (result == 0) attributes_root_statx(view, st);
  return result;
}

static long statx_descriptor(const struct view *view, int fd, const char *path, int flags, unsigned mask,
                             struct statx *st) {
  struct vrift_entry entry;
  struct stat plain;
  long result = statx_physical(view, fd, path, flags, mask, st);
  if (result == 0 && (st->stx_mode & 07777) == 0444 && raw_fstat(fd, &plain) == 0 &&
      descriptor_entry(view, fd, &plain, &entry)) {
    besides(BESIDES_ENTRY);
    attributes_statx(view, &entry, st);
  }
  return result;
}

static __attribute__((noinline)) long statx_asking(const struct view *view, int dirfd, const char *path, int flags,
                                                   unsigned mask, struct statx *st) {
  struct place place;
  struct vrift_entry entry;
  struct stat plain;
  bool follow = (flags & AT_SYMLINK_NOFOLLOW) == 0;
  long result = statx_physical(view, dirfd, path, flags, mask, st);
  if (result != -ENOENT) {
    if (result == 0 && follow && path[0] == '/' && (st->stx_mode & 07777) == 0444 &&
        raw_statat(dirfd, path, &plain, 0) == 0 && blob_like(view, &plain) &&
        blob_behind(view, path, &plain, &entry)) {
      besides(BESIDES_ENTRY);
      attributes_statx(view, &entry, st);
    }
    return result;
  }
  result = look_again(view, dirfd, path, follow, &place, &entry);
  if (result == 0) attributes_statx(view, &entry, st);
  if (result == -ENOENT && look_became_physical(&place)) return statx_physical(view, dirfd, path, flags, mask, st);
  return result;
}

static __attribute__((noinline)) long statx_at(int dirfd, const char *path, int flags, unsigned mask, struct statx *st,
                                               const struct missed *missed) {
  const struct view *view = view_current();
  struct vrift_entry entry;
  if (view == 0) return raw5(__NR_statx, dirfd, (long)path, flags, mask, (long)st);
  if ((flags & AT_EMPTY_PATH) != 0 && (path == 0 || (readable(path) && path[0] == 0)))
    return statx_descriptor(view, dirfd, path, flags, mask, st);
  if (!readable(path)) return raw5(__NR_statx, dirfd, (long)path, flags, mask, (long)st);
  switch (look_after(view, missed, dirfd, path, (flags & AT_SYMLINK_NOFOLLOW) == 0, &entry)) {
  case LOOK_VIRTUAL:
    attributes_statx(view, &entry, st);
    return 0;
  case LOOK_ABSENT:
    return -ENOENT;
  case LOOK_NOT_DIRECTORY:
    return -ENOTDIR;
  case LOOK_EXACT:
    if (exact_statx(view, &entry, flags, mask, st)) return 0;
    return because(BECAUSE_PHYSICAL, statx_physical(view, dirfd, path, flags, mask, st));
  case LOOK_KERNEL:
    return statx_physical(view, dirfd, path, flags, mask, st);
  case LOOK_ASK:
    break;
  }
  return statx_asking(view, dirfd, path, flags, mask, st);
}

long vfs_statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *st) {
  const struct view *view = glimpse_view(path);
  struct vrift_entry entry;
  struct missed missed = {0};
  if (__builtin_expect(view == 0 || !glimpse(view, path, &entry, &missed), 0))
    return statx_at(dirfd, path, flags, mask, st, &missed);
  attributes_statx(view, &entry, st);
  return 0;
}

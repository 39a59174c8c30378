#include "attributes.h"
#include "blob.h"
#include "cancel.h"
#include "descriptor_names.h"
#include "descriptors.h"
#include "hydrate.h"
#include "notice.h"
#include "openings.h"
#include "because.h"
#include "swap.h"
#include "target.h"
#include "vfs.h"

static bool changes(int flags) {
  return (flags & O_PATH) == 0 && ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_TRUNC | O_CREAT)) != 0);
}
static bool nameless(int flags) { return (flags & __O_TMPFILE) != 0; }

/* A descriptor on the entry's content, remembered so that fstat shows the entry. */
static long open_virtual(const struct view *view, const struct place *place, const struct vrift_entry *entry,
                         int flags) {
  struct stat st;
  if ((flags & O_DIRECTORY) != 0) return -ENOTDIR;
  if ((flags & O_PATH) == 0) {
    long allowed = attributes_access(view, entry, 4, true);
    if (allowed != 0) return allowed;
  }
  long fd = blob_open(view, entry, flags, &st);
  if (fd >= 0) {
    descriptor_remember((int)fd, place->number, place->hash, st.st_ino, entry->ino);
    opening_made((int)fd);
  } else if (fd == -EIO) {
    notice_damaged(view, entry);
  }
  return fd;
}

static long open_for_reading(const struct view *view, int dirfd, const char *path, int flags) {
  struct place place;
  struct vrift_entry entry;
  bool follow = (flags & O_NOFOLLOW) == 0;
  switch (look_content(view, dirfd, path, follow, &place, &entry)) {
  case LOOK_VIRTUAL: {
    long fd = open_virtual(view, &place, &entry, flags);
    if (fd != -EIO) return fd;
    /* No whole blob. If a file has come to be there in the meantime, it is the file. */
    long real = blocking_openat(dirfd, path, flags, 0);
    return real == -ENOENT ? fd : real;
  }
  case LOOK_ABSENT:
    return -ENOENT;
  case LOOK_NOT_DIRECTORY:
    return -ENOTDIR;
  case LOOK_EXACT:
  case LOOK_KERNEL:
    return because(BECAUSE_PHYSICAL, blocking_openat(dirfd, path, flags, 0));
  case LOOK_ASK:
    break;
  }
  long result = blocking_openat(dirfd, path, flags, 0);
  if (result != -ENOENT) return result;
  result = look_again(view, dirfd, path, follow, &place, &entry);
  if (result == -ENOENT && look_became_physical(&place)) return blocking_openat(dirfd, path, flags, 0);
  return result == 0 ? open_virtual(view, &place, &entry, flags) : result;
}

/* /dev/fd/N on a blob: reading is harmless, writing goes to the file it stands for. */
static long open_named_descriptor(const struct view *view, int fd, const char *path, int flags, unsigned mode) {
  struct vrift_entry entry;
  if (!changes(flags) || !descriptor_is_blob(view, fd, &entry)) {
    long swapped = changes(flags) ? swap_descriptor(view, fd) : 0;
    if (swapped != 0) return swapped;
    long opened = blocking_openat(AT_FDCWD, path, flags, mode);
    if (opened >= 0) descriptor_copied(fd, (int)opened);
    return opened;
  }
  char real[PATH_SIZE];
  long result = swap_path(view, &entry, real);
  return result != 0 ? result : blocking_openat(AT_FDCWD, real, flags & ~(O_CREAT | O_EXCL), mode);
}

/* Flags with which the kernel's own open of the emptied file has nothing more to look at, or to wait for. */
static bool may_start_empty(int flags) {
  const int harmless = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW |
                       O_LARGEFILE | O_DSYNC | O_SYNC;
  return (flags & O_TRUNC) != 0 && (flags & ~harmless) == 0;
}

/*
 * In a solid tree the index may have been published again in between; from now on the daemon sees by the lease that somebody may
 * write, and what is written through this descriptor is no business of any path.
 */
static long opened_for_writing(const struct view *view, const struct target *target, long fd) {
  if (fd < 0 || !view->solid) return fd;
  target_begin(view, target);
  target_end(view, target);
  return fd;
}

/* The real open, marks begun. An open for writing may wait (a FIFO), and then nothing of ours should be in flight. */
static long open_marked(const struct view *view, const struct target *target, int dirfd, const char *path, int flags,
                        unsigned mode) {
  bool writes = (flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR;
  if (writes && !target->place.slash && (flags & (O_EXCL | O_DIRECTORY)) == 0) {
    target_end(view, target);
    long result = blocking_openat(dirfd, path, flags & ~O_CREAT, mode);
    if (result != -ENOENT || (flags & O_CREAT) == 0) return opened_for_writing(view, target, result);
    target_begin(view, target);
  }
  long result = blocking_openat(dirfd, path, flags, mode);
  target_end(view, target);
  return result;
}

static long open_for_change(const struct view *view, int dirfd, const char *path, int flags, unsigned mode) {
  struct target target;
  struct vrift_entry entry;
  bool exclusive = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
  enum follow follow = (flags & O_NOFOLLOW) == 0 && !exclusive ? FOLLOW : FOLLOW_SLASH;
  if (!target_find(view, dirfd, path, follow, &target))
    return look_error(view, dirfd, path, follow, blocking_openat(dirfd, path, flags, mode));
  long result = 0;
  target_begin(view, &target);
  /* O_NOFOLLOW or O_EXCL on a link: the kernel refuses. */
  if (!target.place.link && virtual_and_seen(&target.place, &entry)) {
    if (target.place.slash) {
      result = (flags & O_CREAT) != 0 ? -EISDIR : -ENOTDIR;
    } else if (exclusive) {
      result = -EEXIST;
    } else if ((flags & O_DIRECTORY) != 0) {
      result = -ENOTDIR;
    } else if ((flags & (O_ACCMODE | O_TRUNC)) == O_RDONLY) {
      /* O_CREAT of a file that is there already, to read it. */
      target_end(view, &target);
      return open_virtual(view, &target.place, &entry, flags);
    } else {
      result = attributes_access(view, &entry, (flags & O_ACCMODE) == O_WRONLY ? 2 : 6, true);
      if (result == 0 && may_start_empty(flags)) {
        result = hydrate_cut(view, &target.place, flags);
        if (result != -EEXIST) {
          target_end(view, &target);
          return result;
        }
        result = 0;
      } else if (result == 0) {
        result = hydrate(view, &target.place);
      }
    }
  }
  if (result == 0) return open_marked(view, &target, dirfd, path, flags, mode);
  target_end(view, &target);
  return result;
}

long vfs_openat(int dirfd, const char *path, int flags, unsigned mode) {
  const struct view *view = view_current();
  if (view == 0 || !readable(path)) return blocking_openat(dirfd, path, flags, mode);
  int named = path[0] == '/' ? descriptor_named(path) : -1;
  long fd;
  if (named >= 0) return open_named_descriptor(view, named, path, flags, mode);
  if (nameless(flags))
    fd = blocking_openat(dirfd, path, flags, mode);
  else if (changes(flags))
    fd = open_for_change(view, dirfd, path, flags, mode);
  else
    fd = open_for_reading(view, dirfd, path, flags);
  return fd;
}

long vfs_openat2(int dirfd, const char *path, const struct open_how *how, size_t size) {
  const struct view *view = view_current();
  struct open_how wanted;
  if (view == 0 || !readable(path) || !readable((const char *)how) || size != sizeof wanted)
    return raw4(__NR_openat2, dirfd, (long)path, (long)how, (long)size);
  wanted = *how;
  /* RESOLVE_* confine what names may mean; a program that asks for that gets the kernel's word, on a physical file. */
  struct target target;
  if (wanted.resolve == 0) return vfs_openat(dirfd, path, (int)wanted.flags, (unsigned)wanted.mode);
  if (!target_find(view, dirfd, path, (wanted.flags & O_NOFOLLOW) == 0, &target))
    return raw4(__NR_openat2, dirfd, (long)path, (long)how, (long)size);
  target_begin(view, &target);
  long result = target.place.link ? 0 : hydrate(view, &target.place);
  if (result == 0) result = raw4(__NR_openat2, dirfd, (long)path, (long)how, (long)size);
  target_end(view, &target);
  return result;
}

#include "hydrate.h"

#include "attributes.h"
#include "because.h"
#include "blob.h"
#include "bytes.h"
#include "directory_times.h"
#include "look.h"
#include "marks.h"
#include "notice.h"
#include "staging.h"
#include "stripe.h"

/* copy_file_range takes at most this much at once. */
#define COPY_LIMIT 0x7ffff000l

static long copy_by_hand(int from, int to, uint64_t done, uint64_t size) {
  char piece[4096];
  while (done < size) {
    long got = raw_pread(from, piece, sizeof piece, (long)done);
    if (got <= 0) return got < 0 ? got : -EIO;
    for (long put = 0; put < got;) {
      long wrote = raw_write(to, piece + put, (size_t)(got - put));
      if (wrote < 0 && wrote != -EINTR) return wrote;
      if (wrote > 0) put += wrote;
    }
    done += (uint64_t)got;
  }
  return 0;
}

/* Reflink, else a copy inside the kernel, else by hand. The target is empty. */
static long copy_content(int from, int to, uint64_t size) {
  if (raw3(__NR_ioctl, to, FICLONE, from) == 0) return 0;
  uint64_t done = 0;
  while (done < size) {
    long wanted = size - done > COPY_LIMIT ? COPY_LIMIT : (long)(size - done);
    long got = raw6(__NR_copy_file_range, from, 0, to, 0, wanted, 0);
    if (got == -EINTR) continue;
    if (got == 0) return -EIO;
    if (got < 0) {
      bool cannot = got == -EXDEV || got == -EINVAL || got == -ENOSYS || got == -EOPNOTSUPP || got == -EPERM;
      return cannot ? copy_by_hand(from, to, done, size) : got;
    }
    done += (uint64_t)got;
  }
  return 0;
}

/*
 * Mode, owner and times of the entry: last, because writing changes them. A file that was cut to nothing has the time at which
 * that happened, from the moment it has its name: a program killed before the kernel cuts it must not leave the old one.
 */
static long copy_attributes(const struct view *view, const struct vrift_entry *entry, bool cut, int fd) {
  struct stat st;
  long result = raw_fstat(fd, &st);
  if (result != 0) return result;
  /* Root at work in another user's tree; anybody else makes files of his own, and only the owner maps an index. */
  if (st.st_uid != view->uid || st.st_gid != view->gid) raw3(__NR_fchown, fd, view->uid, view->gid);
  result = raw2(__NR_fchmod, fd, entry->mode & 07777);
  if (result != 0) return result;
  struct stat shown;
  attributes_stat(view, entry, &shown);
  struct __kernel_timespec times[2] = {{(int64_t)shown.st_atime, (int64_t)shown.st_atime_nsec},
                                       {(int64_t)shown.st_mtime, (int64_t)shown.st_mtime_nsec}};
  if (cut) times[1].tv_nsec = UTIME_OMIT;
  return raw4(__NR_utimensat, fd, 0, (long)times, 0);
}

static long fill(const struct view *view, const struct vrift_entry *entry, int fd) {
  if (entry->size > 0) {
    struct stat st;
    int blob = (int)blob_open(view, entry, O_CLOEXEC, &st);
    if (blob == -EIO) notice_damaged(view, entry);
    if (blob < 0) return blob;
    long result = copy_content(blob, fd, entry->size);
    raw_close(blob);
    if (result != 0) return result;
  }
  return copy_attributes(view, entry, false, fd);
}

/* Gives what was assembled its name. -EEXIST: it is taken. */
static long publish(const struct view *view, const struct place *place, struct staged *staged, bool crowded) {
  char path[PATH_SIZE];
  struct directory_times kept;
  if (!place_real_path(view, place, path)) return -ENAMETOOLONG;
  directory_times_keep(view, place, &kept);
  long result = staging_publish(view, staged, path);
  if (result != 0) return result;
  directory_times_restore(view, place, &kept, crowded);
  observe_hydrated();
  return 0;
}

/* Under the stripe: nobody else makes or removes this name by a first change. */
static long make_physical(const struct view *view, struct place *place, bool crowded) {
  struct vrift_entry entry;
  struct staged staged;
  if (!virtual_and_seen(place, &entry)) return 0;
  long result = staging_open(view, &staged);
  if (result != 0) return result;
  result = fill(view, &entry, staged.fd);
  if (result == 0) result = publish(view, place, &staged, crowded);
  staging_drop(view, &staged);
  return result == -EEXIST ? 0 : result;
}

static long lock_and_make_physical(const struct view *view, struct place *place, bool crowded) {
  struct vrift_entry entry;
  struct stripe stripe;
  if (!virtual_and_seen(place, &entry)) return 0;
  long result = stripe_lock(place->hash, &stripe);
  if (result != 0) return result;
  result = make_physical(view, place, crowded);
  stripe_unlock(&stripe);
  return result;
}

long hydrate(const struct view *view, struct place *place) { return lock_and_make_physical(view, place, false); }

long hydrate_below(const struct view *view, struct place *place) { return lock_and_make_physical(view, place, true); }

static long open_again(int fd, int flags) {
  char path[32];
  *append_decimal(append_text(path, "/proc/self/fd/"), (uint64_t)fd) = 0;
  return raw_openat(AT_FDCWD, path, flags & ~(O_CREAT | O_TRUNC | O_NOFOLLOW), 0);
}

static bool same_file(int a, int b) {
  struct stat first, second;
  return raw_fstat(a, &first) == 0 && raw_fstat(b, &second) == 0 && first.st_ino == second.st_ino &&
         first.st_dev == second.st_dev;
}

/* By its name, so that whoever watches the directory hears of what is written; unless that is another file's already. */
static long open_published(const struct view *view, const struct place *place, const struct staged *staged, int flags) {
  char path[PATH_SIZE];
  if (!place_real_path(view, place, path)) return -ENAMETOOLONG;
  int named = (int)raw_openat(AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
  if (named < 0) return named;
  long fd = same_file(named, staged->fd) ? open_again(named, flags) : -ENOENT;
  raw_close(named);
  return fd;
}

/* Nothing is cut before there is a descriptor. */
static long open_cut(const struct view *view, const struct place *place, const struct vrift_entry *entry, int flags) {
  struct staged staged;
  long result = staging_open(view, &staged);
  if (result != 0) return result;
  result = copy_attributes(view, entry, true, staged.fd);
  long fd = result == 0 ? open_again(staged.fd, flags) : result;
  if (fd >= 0) result = publish(view, place, &staged, false);
  if (fd >= 0 && result == 0) {
    long by_name = open_published(view, place, &staged, flags);
    if (by_name >= 0) {
      raw_close((int)fd);
      fd = by_name;
    }
  } else if (fd >= 0) {
    raw_close((int)fd);
    fd = result;
  }
  staging_drop(view, &staged);
  return fd;
}

/* Programs count on the lowest free number. */
static long lowest(long fd, int flags) {
  if (fd < 0) return fd;
  long lower = raw_fcntl((int)fd, (flags & O_CLOEXEC) != 0 ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
  if (lower < 0) return fd;
  raw_close((int)(lower < fd ? fd : lower));
  return lower < fd ? lower : fd;
}

long hydrate_cut(const struct view *view, struct place *place, int flags) {
  struct vrift_entry entry;
  struct stripe stripe;
  long result = stripe_lock(place->hash, &stripe);
  if (result != 0) return result;
  result = virtual_and_seen(place, &entry) ? open_cut(view, place, &entry, flags) : -EEXIST;
  stripe_unlock(&stripe);
  return lowest(result, flags);
}

long hydrate_nameless(const struct view *view, const struct vrift_entry *entry) {
  struct staged staged;
  long result = staging_open(view, &staged);
  if (result != 0) return result;
  result = fill(view, entry, staged.fd);
  if (result == 0 && staged.number == 0) return staged.fd;
  if (result == 0) {
    /* A named one: keep the file, lose the name. */
    int kept = (int)raw_fcntl(staged.fd, F_DUPFD_CLOEXEC, 0);
    staging_drop(view, &staged);
    return kept;
  }
  staging_drop(view, &staged);
  return result;
}

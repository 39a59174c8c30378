#include "hydrate.h"

#include "attributes.h"
#include "because.h"
#include "blob.h"
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
static long copy_attributes(const struct view *view, const struct vrift_entry *entry, bool empty, int fd) {
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
  if (empty) times[1].tv_nsec = UTIME_OMIT;
  return raw4(__NR_utimensat, fd, 0, (long)times, 0);
}

static long fill(const struct view *view, const struct vrift_entry *entry, bool empty, int fd) {
  if (!empty && entry->size > 0) {
    struct stat st;
    int blob = (int)blob_open(view, entry, O_CLOEXEC, &st);
    if (blob == -EIO) notice_damaged(view, entry);
    if (blob < 0) return blob;
    long result = copy_content(blob, fd, entry->size);
    raw_close(blob);
    if (result != 0) return result;
  }
  return copy_attributes(view, entry, empty, fd);
}

/* Under the stripe: nobody else makes or removes this name by a first change. */
static long publish(const struct view *view, struct place *place, bool empty, bool crowded) {
  char path[PATH_SIZE];
  struct vrift_entry entry;
  struct staged staged;
  if (!place_real_path(view, place, path)) return -ENAMETOOLONG;
  /* In this order: a directory that is renamed has its names whited out before they go, without their stripes. */
  if (raw_faccessat2(AT_FDCWD, path, 0, AT_SYMLINK_NOFOLLOW) == 0) return 0;
  if (!virtual_and_listed(place, &entry)) return 0;
  long result = staging_open(view, &staged);
  if (result != 0) return result;
  result = fill(view, &entry, empty, staged.fd);
  if (result == 0) {
    struct directory_times kept;
    directory_times_keep(view, place, &kept);
    result = staging_publish(view, &staged, path);
    if (result == 0) {
      directory_times_restore(view, place, &kept, crowded);
      observe_hydrated();
    }
  }
  staging_drop(view, &staged);
  return result == -EEXIST ? 0 : result;
}

static long make_physical(const struct view *view, struct place *place, bool empty, bool crowded) {
  char path[PATH_SIZE];
  struct vrift_entry entry;
  struct stripe stripe;
  if (!virtual_and_listed(place, &entry)) return 0;
  if (!place_real_path(view, place, path)) return -ENAMETOOLONG;
  if (raw_faccessat2(AT_FDCWD, path, 0, AT_SYMLINK_NOFOLLOW) == 0) return 0;
  long result = stripe_lock(place->hash, &stripe);
  if (result != 0) return result;
  result = publish(view, place, empty, crowded);
  stripe_unlock(&stripe);
  return result;
}

long hydrate(const struct view *view, struct place *place, bool empty) {
  return make_physical(view, place, empty, false);
}

long hydrate_below(const struct view *view, struct place *place) {
  return make_physical(view, place, false, true);
}

long hydrate_nameless(const struct view *view, const struct vrift_entry *entry) {
  struct staged staged;
  long result = staging_open(view, &staged);
  if (result != 0) return result;
  result = fill(view, entry, false, staged.fd);
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

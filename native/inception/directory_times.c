#include "directory_times.h"

/* linux/stat.h does not have it. */
#define UTIME_NOW 0x3fffffffl

static uint64_t in_flight(const struct view *view, const struct place *place) {
  const uint64_t *mark = &view->marks[vrift_mark_word(place_parent_hash(place))];
  return __atomic_load_n(mark, __ATOMIC_SEQ_CST) & VRIFT_MARK_IN_FLIGHT;
}

static void set_modified(const char *path, struct __kernel_timespec modified) {
  struct __kernel_timespec times[2] = {{0, UTIME_OMIT}, modified};
  raw4(__NR_utimensat, AT_FDCWD, (long)path, (long)times, AT_SYMLINK_NOFOLLOW);
}

void directory_times_keep(const struct view *view, const struct place *place, struct directory_times *kept) {
  struct stat st;
  kept->known = false;
  if (!place_directory_path(view, place, kept->path)) return;
  kept->in_flight = in_flight(view, place);
  if (raw_statat(AT_FDCWD, kept->path, &st, AT_SYMLINK_NOFOLLOW) != 0) return;
  kept->modified = (struct __kernel_timespec){(int64_t)st.st_mtime, (int64_t)st.st_mtime_nsec};
  kept->known = true;
}

void directory_times_restore(const struct view *view, const struct place *place, const struct directory_times *kept,
                             bool crowded) {
  if (!kept->known) return;
  set_modified(kept->path, kept->modified);
  bool alone = crowded || (kept->in_flight == 1 && in_flight(view, place) == 1);
  if (!alone) set_modified(kept->path, (struct __kernel_timespec){0, UTIME_NOW});
}

void directory_times_touch(const struct view *view, const struct place *place) {
  char path[PATH_SIZE];
  if (place_directory_path(view, place, path)) set_modified(path, (struct __kernel_timespec){0, UTIME_NOW});
}

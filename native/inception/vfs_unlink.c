/* Names that go: unlink, rmdir. */
#include "change.h"
#include "directory_times.h"
#include "hydrate.h"
#include "stripe.h"
#include "subtree.h"
#include "target.h"
#include "vfs.h"
#include "watched.h"
#include "whiteout.h"

/* What the kernel would ask for: write and search permission on the directory. */
static long may_remove(const struct view *view, const struct place *place) {
  char path[PATH_SIZE];
  if (!place_directory_path(view, place, path)) return -ENAMETOOLONG;
  return raw_faccessat2(AT_FDCWD, path, 3, AT_EACCESS);
}

/* 0 or 1; -errno when it cannot be told. */
static long is_physical(const struct view *view, const struct place *place) {
  char path[PATH_SIZE];
  struct stat st;
  if (!place_real_path(view, place, path)) return 1;
  long result = raw_statat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW);
  return result == -EIO || result == -ENOMEM ? result : result != -ENOENT;
}

/*
 * The whiteout comes first: killed in between, the name is either still the physical file or gone, never the old blob after
 * the program was told that it is gone. Without a physical file it is all: from that moment the name is free, and what the kernel
 * would remove then is what another program has just made of it (O_EXCL, link).
 */
static long unlink_virtual(const struct view *view, struct target *target, const struct real_call *call) {
  struct stripe stripe;
  struct vrift_entry entry;
  bool made = false;
  long result = stripe_lock(target->place.hash, &stripe);
  if (result != 0) return result;
  /* In this order: who arrives between the two by a rename comes after us. */
  long was_physical = is_physical(view, &target->place);
  bool was_listed = virtual_and_listed(&target->place, &entry);
  if (was_physical < 0) {
    result = was_physical;
  } else if (was_listed) {
    result = may_remove(view, &target->place);
    if (result == 0) result = whiteout_make(view, &target->place, &made);
  }
  if (result == 0 && was_listed && !was_physical && (call->c & AT_REMOVEDIR) == 0) {
    directory_times_touch(view, &target->place);
  } else if (result == 0) {
    result = make_real_call(call);
    if (result != 0 && made) whiteout_undo(view, &target->place);
  }
  stripe_unlock(&stripe);
  return result;
}

static long remove_file(const struct view *view, int dirfd, const char *path, const struct real_call *call) {
  struct target target;
  struct vrift_entry entry;
  if (!target_find(view, dirfd, path, FOLLOW_NEVER, &target))
    return look_error(view, dirfd, path, FOLLOW_NEVER, make_real_call(call));
  long result;
  target_begin(view, &target);
  if (!maybe_virtual(&target.place))
    result = make_real_call(call);
  else if (target.place.slash)
    result = virtual_and_seen(&target.place, &entry) ? -ENOTDIR : make_real_call(call);
  else {
    /* Where that fails it goes in silence. */
    if (watched(target.parent_hash)) hydrate(view, &target.place);
    result = unlink_virtual(view, &target, call);
  }
  target_end(view, &target);
  return result;
}

static long remove_directory(const struct view *view, int dirfd, const char *path, const struct real_call *call) {
  struct target target;
  struct vrift_entry entry;
  struct subtree below;
  if (!target_find(view, dirfd, path, FOLLOW_NEVER, &target))
    return look_error(view, dirfd, path, FOLLOW_NEVER, make_real_call(call));
  if (virtual_and_seen(&target.place, &entry)) return -ENOTDIR;
  if (subtree_shows_file(view, &target.place)) return -ENOTEMPTY;
  long result = subtree_open(view, &target.place, &below);
  if (result != 0) return result;
  target_begin(view, &target);
  subtree_begin(view, &below);
  /* A directory at a virtual name: a program without the library made it. */
  result = maybe_virtual(&target.place) ? unlink_virtual(view, &target, call) : make_real_call(call);
  subtree_end(view, &below);
  target_end(view, &target);
  subtree_close(&below);
  return result;
}

long vfs_unlinkat(int dirfd, const char *path, int flags) {
  const struct view *view = view_current();
  struct real_call call = {__NR_unlinkat, dirfd, (long)path, flags, 0, 0};
  if (view == 0 || !readable(path)) return make_real_call(&call);
  if (path_ends_in_dots(path)) return look_error(view, dirfd, path, FOLLOW_NEVER, make_real_call(&call));
  if ((flags & AT_REMOVEDIR) != 0) return remove_directory(view, dirfd, path, &call);
  return remove_file(view, dirfd, path, &call);
}

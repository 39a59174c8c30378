/*
 * rename. A virtual source becomes physical, gets a whiteout under its old name, and the kernel renames; a directory takes all
 * of its virtual files that way first. What is virtual at the destination is simply hidden by what arrives there.
 */
#include "bytes.h"
#include "change.h"
#include "hydrate.h"
#include "stripe.h"
#include "subtree.h"
#include "target.h"
#include "vfs.h"
#include "whiteout.h"

static long kind_of(const struct view *view, const struct place *place, unsigned *kind) {
  char path[PATH_SIZE];
  struct stat st;
  if (!place_real_path(view, place, path)) return -ENAMETOOLONG;
  long result = raw_statat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW);
  *kind = result == 0 ? st.st_mode & S_IFMT : 0;
  return result;
}

static bool same_place(const struct target *a, const struct target *b) {
  return a->place.length == b->place.length && memcmp(a->place.key, b->place.key, a->place.length) == 0;
}

/* A directory cannot move into itself: the kernel says so, before it looks at anything else. */
static bool is_below(const struct target *inner, const struct target *outer) {
  uint32_t length = outer->place.length;
  return inner->place.length > length && inner->place.key[length] == '/' &&
         memcmp(inner->place.key, outer->place.key, length) == 0;
}

/*
 * The source is physical by now. Its whiteout is made under its stripe, and before the rename: killed in between, the name is
 * still the physical file. A directory may stand at a virtual name, too (RENAME_EXCHANGE, or a program without the library).
 */
static long rename_physical(const struct view *view, struct target *from, const struct real_call *call) {
  struct stripe stripe;
  struct vrift_entry entry;
  bool made = false;
  if (!target_is_virtual(from)) return make_real_call(call);
  long result = stripe_lock(from->place.hash, &stripe);
  if (result != 0) return result;
  if (virtual_and_listed(&from->place, &entry)) result = whiteout_make(view, &from->place, &made);
  if (result == 0) {
    result = make_real_call(call);
    if (result != 0 && made) whiteout_undo(view, &from->place);
  }
  stripe_unlock(&stripe);
  return result;
}

static long rename_directory(const struct view *view, struct target *from, struct target *to,
                             const struct real_call *call) {
  struct subtree below;
  if (to != 0 && same_place(from, to)) return make_real_call(call);
  bool replaces = to != 0 && (call->e & RENAME_NOREPLACE) == 0;
  if (replaces && subtree_shows_file(view, &to->place)) return -ENOTEMPTY;
  long result = subtree_open(view, &from->place, &below);
  if (result != 0) return result;
  if (to != 0) subtree_add_destination(view, &from->place, &to->place, &below);
  subtree_begin(view, &below);
  result = subtree_hydrate(view, &below);
  if (result == 0) result = subtree_white_out(view, &below);
  if (result == 0) result = rename_physical(view, from, call);
  subtree_end(view, &below);
  subtree_close(&below);
  return result;
}

/* Both directions: everything on both sides is physical before. Names stay taken, so there is nothing to white out. */
static long exchange(const struct view *view, struct target *from, struct target *to, const struct real_call *call) {
  struct subtree left, right;
  long result = subtree_open(view, &from->place, &left);
  if (result != 0) return result;
  result = subtree_open(view, &to->place, &right);
  if (result != 0) {
    subtree_close(&left);
    return result;
  }
  subtree_add_destination(view, &from->place, &to->place, &left);
  subtree_add_destination(view, &to->place, &from->place, &right);
  subtree_begin(view, &left);
  subtree_begin(view, &right);
  result = hydrate(view, &from->place, false);
  if (result == 0) result = hydrate(view, &to->place, false);
  if (result == 0) result = subtree_hydrate(view, &left);
  if (result == 0) result = subtree_hydrate(view, &right);
  /* Names below a directory do go: they are elsewhere afterwards. */
  if (result == 0) result = subtree_white_out(view, &left);
  if (result == 0) result = subtree_white_out(view, &right);
  if (result == 0) result = make_real_call(call);
  subtree_end(view, &right);
  subtree_end(view, &left);
  subtree_close(&right);
  subtree_close(&left);
  return result;
}

static long rename_inside(const struct view *view, struct target *from, struct target *to, unsigned flags,
                          const struct real_call *call) {
  struct vrift_entry entry;
  unsigned kind;
  bool to_virtual = to != 0 && !to->place.link && virtual_and_seen(&to->place, &entry);
  bool from_virtual = !from->place.link && virtual_and_seen(&from->place, &entry);
  if (!from_virtual && kind_of(view, &from->place, &kind) == -ENOENT) return make_real_call(call);
  if (to != 0 && (flags & RENAME_NOREPLACE) != 0 && (to_virtual || kind_of(view, &to->place, &kind) == 0)) return -EEXIST;
  if (to != 0 && is_below(to, from)) return make_real_call(call);
  if (to != 0 && (flags & RENAME_EXCHANGE) != 0) return exchange(view, from, to, call);
  if ((from_virtual && from->place.slash) || (to_virtual && to->place.slash)) return -ENOTDIR;
  if (to != 0 && same_place(from, to) && from_virtual) return 0;
  long result = from_virtual ? hydrate(view, &from->place, false) : 0;
  if (result != 0) return result;
  if (kind_of(view, &from->place, &kind) != 0 || kind != S_IFDIR) return rename_physical(view, from, call);
  if (to_virtual) return -ENOTDIR;
  return rename_directory(view, from, to, call);
}

/* Both directories are looked up before either name. */
static long first_error(const struct view *view, int from_fd, const char *from, int to_fd, const char *to) {
  long error = look_parent(view, from_fd, from);
  return error != 0 ? error : look_parent(view, to_fd, to);
}

long vfs_renameat(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) {
  const struct view *view = view_current();
  struct real_call call = {__NR_renameat2, from_fd, (long)from, to_fd, (long)to, flags};
  struct target source, destination;
  if (flags == 0) call.number = __NR_renameat;
  if (view == 0 || !readable(from) || !readable(to)) return make_real_call(&call);
  if (path_ends_in_dots(from) || path_ends_in_dots(to)) {
    long error = first_error(view, from_fd, from, to_fd, to);
    return error != 0 ? error : make_real_call(&call);
  }
  bool leaves = target_find(view, from_fd, from, FOLLOW_NEVER, &source);
  bool arrives = target_find(view, to_fd, to, FOLLOW_NEVER, &destination);
  if (!leaves || !arrives) {
    long error = first_error(view, from_fd, from, to_fd, to);
    if (error != 0) return error;
  }
  if (!leaves && !arrives) return make_real_call(&call);
  long result;
  if (leaves) target_begin(view, &source);
  if (arrives) target_begin(view, &destination);
  if (leaves) {
    result = rename_inside(view, &source, arrives ? &destination : 0, flags, &call);
  } else {
    struct vrift_entry entry;
    bool taken = !destination.place.link && virtual_and_seen(&destination.place, &entry);
    if (taken && (flags & RENAME_NOREPLACE) != 0)
      result = -EEXIST;
    else if (taken && (flags & RENAME_EXCHANGE) != 0)
      result = hydrate(view, &destination.place, false);
    else
      result = 0;
    if (result == 0 && subtree_shows_file(view, &destination.place)) result = -ENOTEMPTY;
    if (result == 0) result = make_real_call(&call);
  }
  if (arrives) target_end(view, &destination);
  if (leaves) target_end(view, &source);
  if (result == -ENOENT) {
    long error = first_error(view, from_fd, from, to_fd, to);
    if (error != 0) return error;
  }
  return result;
}

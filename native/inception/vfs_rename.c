/*
 * rename. A virtual source becomes physical, gets a whiteout under its old name, and the kernel renames; a directory takes all
 * of its virtual files that way first. What is virtual at the destination is simply hidden by what arrives there, or refuses it.
 *
 * The kernel looks at both names in one moment, and so must whoever answers in its place. Two looks at two names, one after the other, see what
 * never was: a file that moves from one to the other meanwhile is at both of them, or at none.
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

/* 0: nothing is there, or it cannot be told. */
static uint64_t inode_of(const struct view *view, const struct place *place) {
  char path[PATH_SIZE];
  struct stat st;
  bool found = place_real_path(view, place, path) && raw_statat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
  return found ? st.st_ino : 0;
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
  if (!maybe_virtual(&from->place)) return make_real_call(call);
  long result = stripe_lock(from->place.hash, &stripe);
  if (result != 0) return result;
  if (virtual_and_listed(&from->place, &entry)) result = whiteout_make(view, &from->place, &made);
  if (result == 0) {
    uint64_t before = made ? inode_of(view, &from->place) : 0;
    result = make_real_call(call);
    /* Of two names of one file, and of one name twice, the kernel says that it is done and leaves them. */
    bool stays = made && result == 0 && before != 0 && inode_of(view, &from->place) == before;
    if (made && (result != 0 || stays)) whiteout_undo(view, &from->place);
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

/* Null: a place that is not ours has nothing virtual. */
static long open_side(const struct view *view, const struct target *side, const struct target *other,
                      struct subtree *below) {
  static const struct subtree nothing;
  *below = nothing;
  if (side == 0) return 0;
  long result = subtree_open(view, &side->place, below);
  if (result == 0 && other != 0) subtree_add_destination(view, &side->place, &other->place, below);
  return result;
}

/* Names stay taken, so there is nothing to white out; but those below a directory do go: they are elsewhere afterwards. */
static long make_side_physical(const struct view *view, struct target *side, const struct subtree *below) {
  long result = side == 0 ? 0 : hydrate(view, &side->place);
  if (result == 0) result = subtree_hydrate(view, below);
  return result == 0 ? subtree_white_out(view, below) : result;
}

/* Both directions: everything on both sides is physical before. */
static long exchange(const struct view *view, struct target *from, struct target *to, const struct real_call *call) {
  struct subtree left, right;
  long result = open_side(view, from, to, &left);
  if (result != 0) return result;
  result = open_side(view, to, from, &right);
  if (result != 0) {
    subtree_close(&left);
    return result;
  }
  subtree_begin(view, &left);
  subtree_begin(view, &right);
  result = make_side_physical(view, from, &left);
  if (result == 0) result = make_side_physical(view, to, &right);
  if (result == 0) result = make_real_call(call);
  subtree_end(view, &right);
  subtree_end(view, &left);
  subtree_close(&right);
  subtree_close(&left);
  return result;
}

/* What is at the source, whoever knows it. 0 and its kind, or -errno. */
static long source_kind(const struct view *view, struct target *from, const struct real_call *call, unsigned *kind) {
  struct vrift_entry entry;
  struct stat st;
  *kind = S_IFREG;
  if (from != 0 && !from->place.link && virtual_and_seen(&from->place, &entry)) return 0;
  if (from != 0) return kind_of(view, &from->place, kind);
  long result = raw_statat((int)call->a, (const char *)call->b, &st, AT_SYMLINK_NOFOLLOW);
  if (result == 0) *kind = st.st_mode & S_IFMT;
  return result;
}

/*
 * What a virtual destination refuses, which the kernel does not see. Nothing becomes virtual, and under its stripe the destination stays so:
 * one look at the source meanwhile is the moment at which both are as they are said to be. 0: the kernel decides, now or later.
 */
static long refused_by_virtual(const struct view *view, struct target *from, struct target *to,
                               const struct real_call *call) {
  struct vrift_entry entry;
  struct stripe stripe;
  unsigned kind;
  bool replaces = (call->e & RENAME_NOREPLACE) == 0;
  if (to->place.link || !virtual_and_seen(&to->place, &entry)) return 0;
  if (replaces && !to->place.slash && source_kind(view, from, call, &kind) == 0 && kind != S_IFDIR) return 0;
  long result = stripe_lock(to->place.hash, &stripe);
  if (result != 0) return result;
  if (virtual_and_seen(&to->place, &entry)) {
    result = source_kind(view, from, call, &kind);
    if (result == 0 && !replaces) result = -EEXIST;
    if (result == 0 && (kind == S_IFDIR || to->place.slash)) result = -ENOTDIR;
  }
  stripe_unlock(&stripe);
  return result;
}

static long rename_from_outside(const struct view *view, struct target *to, const struct real_call *call) {
  unsigned kind;
  if ((call->e & RENAME_EXCHANGE) != 0) return exchange(view, 0, to, call);
  long result = refused_by_virtual(view, 0, to, call);
  if (result != 0) return result;
  bool replaces = (call->e & RENAME_NOREPLACE) == 0;
  if (replaces && subtree_shows_file(view, &to->place) && source_kind(view, 0, call, &kind) == 0 && kind == S_IFDIR)
    return -ENOTEMPTY;
  return make_real_call(call);
}

static long rename_inside(const struct view *view, struct target *from, struct target *to,
                          const struct real_call *call) {
  struct vrift_entry entry;
  unsigned kind;
  bool exchanges = (call->e & RENAME_EXCHANGE) != 0, below = to != 0 && is_below(to, from);
  if (exchanges && !below) return exchange(view, from, to, call);
  long result = 0;
  if (exchanges)
    result = hydrate(view, &to->place);
  else if (to != 0 && (!below || (call->e & RENAME_NOREPLACE) != 0))
    result = refused_by_virtual(view, from, to, call);
  if (result != 0) return result;
  if (below) return make_real_call(call);
  if (!from->place.link && virtual_and_seen(&from->place, &entry)) {
    if (to != 0 && same_place(from, to) && !from->place.slash) return 0;
    result = hydrate(view, &from->place);
    if (result != 0) return result;
  }
  result = kind_of(view, &from->place, &kind);
  /* It may be a directory, and what is virtual below it would stay behind. */
  if (result == -EIO || result == -ENOMEM) return result;
  if (result != 0 || kind != S_IFDIR) return rename_physical(view, from, call);
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
  if (leaves)
    result = rename_inside(view, &source, arrives ? &destination : 0, &call);
  else
    result = rename_from_outside(view, &destination, &call);
  if (arrives) target_end(view, &destination);
  if (leaves) target_end(view, &source);
  if (result == -ENOENT) {
    long error = first_error(view, from_fd, from, to_fd, to);
    if (error != 0) return error;
  }
  return result;
}

/*
 * What the library knows: the mapped index, the marks, and where the tree and the store are. One static state, filled by
 * the constructor (start.c). `view_current` is null when there is nothing to do (no index, one that cannot be believed, or of a
 * solid tree in another mount namespace, a call before the constructor): then everything is passed to the kernel.
 */
#ifndef VRIFT_VIEW_H
#define VRIFT_VIEW_H

#include "index_reader.h"
#include "kernel.h"

struct view {
  struct vrift_index_view index;
  uint64_t *marks;
  const char *root; /* NUL-terminated, as the two below */
  const char *source;
  uint32_t root_length;
  uint32_t source_length;
  uint64_t root_dev;
  uint64_t root_statx_dev; /* the same as statx has it: major, and minor in the upper half */
  uint64_t source_dev;
  uint32_t uid;
  uint32_t gid;
  size_t mapped;
  bool solid;
  bool frozen; /* the daemon's heartbeat was old when this was mapped: never trusted */
};

extern const struct view *view_now;
const struct view *view_again(const struct view *old);

/* Never unmapped while in use: an old view stays readable, it is only no longer trusted. */
static inline const struct view *view_current(void) {
  const struct view *view = __atomic_load_n(&view_now, __ATOMIC_ACQUIRE);
  if (__builtin_expect(view != 0 && vrift_index_superseded(&view->index), 0)) return view_again(view);
  return view;
}

/* The view that is current at this moment, mapped now if need be. For decisions that a removed entry must not make. */
const struct view *view_newest(void);

/* The index of a solid tree is not believed in this process any more. */
void view_distrust(void);
extern bool view_distrusted;

/* Once, from the constructor; `index` is the value of VRIFT_INDEX. */
void view_open(const char *index);
/* After chroot and the like: is the root still the directory of the index? If not, everything passes through. */
void view_check_root(void);

/* `<directory of the index>/<name>` into `out` of PATH_SIZE bytes; false when too long or no index was named. */
bool view_run_path(const char *name, char *out);

/* For who found the index in the middle of a change: waits a moment, and is false when there is no more point in it. */
bool view_wait_for_change(const struct view *view, int waits);

#endif

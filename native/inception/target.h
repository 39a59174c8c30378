/*
 * The name a changing call is about. Its key is the true one (never through a link), because marks, whiteouts and private
 * copies are made for it. Bracket a change with marks:
 *
 *   struct target target;
 *   long found = target_find(view, dirfd, path, follow, &target);   // != TARGET_INSIDE: plain real call
 *   target_begin(view, &target);  …the change…  target_end(view, &target);
 */
#ifndef VRIFT_TARGET_H
#define VRIFT_TARGET_H

#include "look.h"

struct target {
  struct place place;
  uint64_t parent_hash;
};

/* False: not in the workspace, not to be found, or the library's own files; the kernel alone decides. */
bool target_find(const struct view *view, int dirfd, const char *path, enum follow follow, struct target *target);

void target_begin(const struct view *view, const struct target *target);
void target_end(const struct view *view, const struct target *target);

#endif

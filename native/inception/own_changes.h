/*
 * Changes that no path tells of, in a solid tree: through descriptors, and by programs that this library cannot enter (docs/solid.md).
 * In a phantom tree physical files are always the kernel's to answer for.
 */
#ifndef VRIFT_OWN_CHANGES_H
#define VRIFT_OWN_CHANGES_H

#include "target.h"

/* Around a change through a descriptor; the name it has now is marked. */
struct own_change {
  bool marked;
  struct target target;
};
void own_change_begin(const struct view *view, int fd, struct own_change *change);
void own_change_end(const struct view *view, const struct own_change *change);

/* Once, from the constructor: what was given to this program open for writing. */
void own_changes_inherited(const struct view *view);

/* `pid` is about to execute, or runs, a program without the library; it failed to, or another one is told of instead. */
void uninjected_begins(const struct view *view, int pid);
void uninjected_ended(int pid);

#endif

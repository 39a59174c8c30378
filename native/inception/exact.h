/* What the index tells of a physical name that is EXACT: all that stat says of it (docs/solid.md). */
#ifndef VRIFT_EXACT_H
#define VRIFT_EXACT_H

#include "view.h"

/* `entry` and its number as look() gave them. False: the kernel has to be asked (its access time may move, or `flags`, `mask` want more). */
bool exact_stat(const struct view *view, const struct vrift_entry *entry, int flags, struct stat *st);
bool exact_statx(const struct view *view, const struct vrift_entry *entry, int flags, unsigned mask, struct statx *st);

/* access(2) for F_OK and R_OK, granted; false: the kernel is to say. */
static inline bool exact_access(const struct vrift_entry *entry, int mode) {
  return mode == 0 || (mode == 4 && (entry->mode & 0444) == 0444);
}

#endif

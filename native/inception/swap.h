/*
 * Changing calls on a descriptor of a blob. The blob is shared by every path of that content and must not change: the path
 * is made physical and the descriptor is replaced by one on the real file, same flags, same offset.
 */
#ifndef VRIFT_SWAP_H
#define VRIFT_SWAP_H

#include "view.h"

/* 0: `fd` is no blob (any more), the real call may go on. Else -errno. */
long swap_descriptor(const struct view *view, int fd);

/* Makes the path of an entry physical and writes it to `out` (PATH_SIZE): 0, or -errno (-ENOENT: removed meanwhile). */
long swap_path(const struct view *view, const struct vrift_entry *entry, char *out);

#endif

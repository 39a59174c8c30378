/* The attributes of a virtual entry, as stat and statx tell them. */
#ifndef VRIFT_ATTRIBUTES_H
#define VRIFT_ATTRIBUTES_H

#include "view.h"

#define VIRTUAL_BLOCK_SIZE 4096

void attributes_stat(const struct view *view, const struct vrift_entry *entry, struct stat *st);
void attributes_statx(const struct view *view, const struct vrift_entry *entry, struct statx *st);

/* What the kernel says of the root counts `.vrift`, which listings leave out: one link less. */
void attributes_root_stat(const struct view *view, struct stat *st);
void attributes_root_statx(const struct view *view, struct statx *st);

/* access(2) on an entry: 0 or -EACCES. `effective`: of the effective ids (open, AT_EACCESS). `mode` of R_OK 4, W_OK 2, X_OK 1. */
long attributes_access(const struct view *view, const struct vrift_entry *entry, int mode, bool effective);

#endif

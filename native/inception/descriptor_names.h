/* Paths that name an open descriptor of this process: /proc/self/fd/N, /dev/fd/N, /dev/stdin … */
#ifndef VRIFT_DESCRIPTOR_NAMES_H
#define VRIFT_DESCRIPTOR_NAMES_H

#include "view.h"

/* The descriptor a path names; -1 when it names none. */
int descriptor_named(const char *path);

/* The virtual entry behind such a path, whose stat (following) is `st`. */
bool blob_behind(const struct view *view, const char *path, const struct stat *st, struct vrift_entry *entry);

#endif

/*
 * Files that appear under their name complete or not at all: made in `.vrift/staging`, without a name where the file system
 * can (O_TMPFILE), else as `<pid>.<counter>`, and published by linkat.
 */
#ifndef VRIFT_STAGING_H
#define VRIFT_STAGING_H

#include "view.h"

struct staged {
  int fd;
  uint32_t number; /* of a named one; 0: it has no name */
};

/* 0 and a writable descriptor (close-on-exec, mode 0600), or -errno. */
long staging_open(const struct view *view, struct staged *staged);
/* 0, or -errno: -EEXIST when the name is taken. */
long staging_publish(const struct view *view, struct staged *staged, const char *path);
/* Closes it, and removes its own name if it had one. */
void staging_drop(const struct view *view, struct staged *staged);

#endif

/*
 * Directories that a program watches (inotify, fanotify). A virtual file that is removed goes by a whiteout, without the kernel;
 * who watches its directory would never hear of it. There it is made physical first, so that the kernel removes it and says so.
 */
#ifndef VRIFT_WATCHED_H
#define VRIFT_WATCHED_H

#include "place.h"

/* Before the kernel is asked to watch `path`. */
void watched_note(const struct view *view, int dirfd, const char *path, bool follow);

/* Does a living process watch the directory with this hash? Now and then true of one that shares its bucket. */
bool watched(uint64_t directory_hash);

#endif

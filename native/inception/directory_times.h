/*
 * Keeping a directory's modification time as a plain file system would have it. Publishing a private copy adds a name the
 * program did not add; removing a name that was never there physically takes one away without the kernel seeing it.
 */
#ifndef VRIFT_DIRECTORY_TIMES_H
#define VRIFT_DIRECTORY_TIMES_H

#include "place.h"

struct directory_times {
  bool known;
  uint64_t in_flight; /* operations on the directory, before */
  struct __kernel_timespec modified;
  char path[PATH_SIZE];
};

/* Before a name is published in the directory of `place`, whose mark has been added to. */
void directory_times_keep(const struct view *view, const struct place *place, struct directory_times *kept);

/*
 * Afterwards. When anybody else is changing the directory (more than this operation in flight, before or after), its time
 * becomes now: a change may be reported twice. The generation of the mark says nothing: the daemon's watcher adds to it for
 * our own link. So a name that another program makes between the two looks, in some ten microseconds, leaves the
 * directory's earlier time. `crowded`: this operation has marked so many names that the number in flight says nothing.
 */
void directory_times_restore(const struct view *view, const struct place *place, const struct directory_times *kept,
                             bool crowded);

/* A name of the directory went without a system call: its time becomes now. */
void directory_times_touch(const struct view *view, const struct place *place);

#endif

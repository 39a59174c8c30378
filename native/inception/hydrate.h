/* Makes a virtual file physical: the first step of every change (docs/ARCHITECTURE.md, "One write"). */
#ifndef VRIFT_HYDRATE_H
#define VRIFT_HYDRATE_H

#include "place.h"

/*
 * Afterwards the name is what the kernel says it is: a physical file (made here, or by somebody else), or absent. 0, or
 * -errno with nothing changed. The caller has begun the marks of the path.
 */
long hydrate(const struct view *view, struct place *place);

/*
 * Opens a virtual file with these flags of open, O_TRUNC among them: physical, but none of its content is copied. The descriptor is the
 * emptied file's, also when another program moves it away before anybody could have opened it by name; were that one to be found empty
 * and a second one be made here, its content would be lost. -EEXIST: it is not virtual, and the kernel is to open it.
 */
long hydrate_cut(const struct view *view, struct place *place, int flags);

/* The same for one of the many names below a directory that is being renamed: the caller has begun all their marks. */
long hydrate_below(const struct view *view, struct place *place);

/* A private, nameless copy of an entry's blob; a writable descriptor or -errno. For descriptors of removed files. */
long hydrate_nameless(const struct view *view, const struct vrift_entry *entry);

#endif

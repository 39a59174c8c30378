/* LD_PRELOAD and VRIFT_* of what is started next. */
#ifndef VRIFT_LAUNCHER_ENVIRONMENT_H
#define VRIFT_LAUNCHER_ENVIRONMENT_H

#include "view.h"

#define LIBRARY_NAME "libvrift_inception.so"

/* For COMMAND. */
void inject(const struct view *view);

/* For a program that must not see the tree of a run around us; nothing when there is none. */
void leave_outer_run(void);

#endif

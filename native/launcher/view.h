/* What COMMAND needs to see the tree. */
#ifndef VRIFT_LAUNCHER_VIEW_H
#define VRIFT_LAUNCHER_VIEW_H

#include <limits.h>

struct view {
  char preload[PATH_MAX]; /* the library, for LD_PRELOAD */
  char index[PATH_MAX];   /* what it maps */
  int phantom;            /* some files are there only for whom the library is loaded */
};

#endif

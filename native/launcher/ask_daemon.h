/*
 * The short way to a view: one question to a daemon that runs already (`view` of src/daemon/control.ts), a few
 * milliseconds instead of Node's start. It says nothing and changes nothing: on any doubt (no daemon, another build, an
 * error, no answer in time, a path that would need escaping in JSON) the long way is taken.
 */
#ifndef VRIFT_LAUNCHER_ASK_DAEMON_H
#define VRIFT_LAUNCHER_ASK_DAEMON_H

#include "view.h"

enum asked {
  VIEW_FOUND,
  NOBODY_LISTENS, /* a daemon has to be started */
  NO_VIEW,
};

/* `root`: the project. */
enum asked ask_daemon(const char *root, struct view *view);

/*
 * As libraryPath() in src/cli/library-path.ts, which finds another name for what LD_PRELOAD cannot hold. -1: that is needed.
 * Writes `preload` of the view.
 */
int find_library(const char *root, struct view *view);

#endif
